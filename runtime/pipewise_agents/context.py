"""What one conversation carries along: for whom the agents act, and what went wrong so far."""

from dataclasses import dataclass, field
from typing import Any

from agents import RunContextWrapper
from agents.tool_context import ToolContext

from .leads import LeadStore


@dataclass(slots=True)
class AgentContext:
    """The Agents SDK's run context for PipeWise's agents; never shown to the model."""

    user_id: str
    leads: LeadStore
    failures: dict[str, str] = field(default_factory=dict)
    """By call id, what each failed call said."""


def note_failure(call: RunContextWrapper[Any], sentence: str) -> None:
    """Keep what a failed call said, where the conversation is one of ours."""
    if isinstance(call, ToolContext) and isinstance(call.context, AgentContext):
        call.context.failures[call.tool_call_id] = sentence
