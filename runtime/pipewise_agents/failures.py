"""What a person is told when a call fails before the runtime could say it.

The runtime's own failures arrive as results with their sentence. Left are those between agent and runtime;
for them the Agents SDK would say "please try again", which for a sent e-mail is the wrong advice.
"""

from typing import Any

from agents import ModelBehaviorError, RunContextWrapper, UserError
from agents.tool_context import ToolContext

from pipewise_crds.apps import title_of

from .context import note_failure
from .transport import was_never_sent

NOT_DONE = "La acción no se realizó."
UNKNOWN = "No se sabe si la acción se realizó: compruébelo antes de repetirla."

_MISSING_ARGUMENTS = "missing required parameters"
"""The Agents SDK's words for a call it did not send; should they change, the outcome is told as unknown."""


def unreachable(service: str) -> str:
    """The sentence for a service that cannot be reached, as the product's requirements word it."""
    return f"Ups, hubo un error al conectarse con {service}"


def service_of(tool: str) -> str:
    """The service a tool belongs to, as people call it; Pipedream's tool names begin with the app."""
    return title_of(tool.split("-", 1)[0])


def tool_failure(context: RunContextWrapper[Any], error: Exception) -> str:
    """Tell a model why its call has no result, and whether the action may have been carried out."""
    tool = context.tool_name if isinstance(context, ToolContext) else ""
    sentence = _sentence(tool, error)
    note_failure(context, sentence)
    return sentence


def _sentence(tool: str, error: Exception) -> str:
    if isinstance(error, ModelBehaviorError):
        return f"{tool}: los argumentos no son válidos. {NOT_DONE}"
    if isinstance(error, UserError) and _MISSING_ARGUMENTS in str(error):
        missing = str(error).rsplit(": ", 1)[-1]
        return f"{tool}: faltan argumentos ({missing}). {NOT_DONE}"
    outcome = NOT_DONE if was_never_sent(error) else UNKNOWN
    return f"{unreachable(service_of(tool))}. {outcome}"
