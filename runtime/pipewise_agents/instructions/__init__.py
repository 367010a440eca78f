"""What each agent is told: the Markdown files beside this one, and what depends on the moment.

Used by `team`.
"""

from functools import cache
from importlib.resources import files

from agents.extensions.handoff_prompt import prompt_with_handoff_instructions

from pipewise_agents.failures import unreachable
from pipewise_agents.roles import Role
from pipewise_agents.tool_mapping import replacements_of


def instructions_for(role: Role, *, connected: bool) -> str:
    """An agent's instructions.

    Args:
        role: The agent's part.
        connected: Whether its services can be reached in this conversation.
    """
    parts = [_text(role.agent), _replacements(role)] if connected else [_text(role.agent), _outage(role)]
    return prompt_with_handoff_instructions("\n\n".join(filter(None, [*parts, _text("everyone")])))


def _replacements(role: Role) -> str:
    lines = []
    for replaced in replacements_of(role.agent):
        lines.append(f"To {replaced.purpose}, use the first of these tools that you have:")
        for tool in replaced.tools:
            arguments = "; ".join(f"`{name}`: {meaning}" for name, meaning in tool.arguments.items())
            lines.append(f"- `{tool.tool}` ({arguments})")
    return "\n".join(lines)


def _outage(role: Role) -> str:
    sentences = "\n".join(f"- {unreachable(service)}" for service in role.services)
    return (
        "Your services cannot be reached in this conversation, so you have no tools for them. When one "
        f"of them is needed, say its sentence as it is and that nothing was done:\n{sentences}"
    )


@cache
def _text(name: str) -> str:
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
