"""What became of an MCP call, kept beside the text the model sees. Filled in for each result of a service."""

from dataclasses import asdict, dataclass
from typing import Any

from agents.mcp import MCPToolCustomDataContext

from .context import note_failure

DEMO_MARK = "pipewise/demo"
"""The runtime's `_meta` key on results that were made up because the account cannot be used."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a call failed, and whether its result is real."""

    failed: bool = False
    demo: bool = False


def outcome_of(call: MCPToolCustomDataContext) -> dict[str, Any]:
    """Read a result's marks; what it returns stays with the SDK's output item and never reaches the model."""
    outcome = Outcome(failed=bool(call.is_error), demo=bool((call.result_meta or {}).get(DEMO_MARK)))
    if outcome.failed:
        note_failure(call.run_context, text_of(call.tool_output))
    return asdict(outcome)


def text_of(output: object) -> str:
    """The text of a tool's output in any of the shapes the SDK gives it."""
    match output:
        case str():
            return output
        case {"text": str(text)}:
            return text
        case list():
            return "\n".join(filter(None, map(text_of, output)))
        case _:
            return ""
