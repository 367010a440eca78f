"""A conversation as a value: who said what, which tool was used with which result.

`conversation` fills it, `transcript_text` writes it for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents import (
    HandoffOutputItem,
    ItemHelpers,
    MessageOutputItem,
    StreamEvent,
    ToolCallItem,
    ToolCallOutputItem,
)

from .outcomes import text_of


@dataclass(frozen=True, slots=True)
class Asked:
    """The user said something."""

    user_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """An agent said something to the user."""

    agent: str
    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """An agent used a tool. Arguments are left out: they hold other people's data."""

    agent: str
    tool: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A tool answered: with a result, made up if `demo`, or with why there is none."""

    agent: str
    tool: str
    text: str
    failed: bool = False
    demo: bool = False


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An agent handed the conversation to another."""

    agent: str
    to: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An agent's services cannot be reached; it takes part without them."""

    agent: str
    services: tuple[str, ...]


Event = Asked | Said | Called | Answered | HandedOver | Unavailable


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole conversation."""

    user_id: str
    events: tuple[Event, ...]

    @property
    def final(self) -> str:
        """The last thing an agent said."""
        return next((event.text for event in reversed(self.events) if isinstance(event, Said)), "")

    @property
    def failures(self) -> tuple[Answered, ...]:
        """The calls without a result."""
        return tuple(event for event in self.events if isinstance(event, Answered) and event.failed)


@dataclass(slots=True)
class Reader:
    """Reads the Agents SDK's stream of a run."""

    failures: Mapping[str, str]
    """What failed calls said, by call id; the run's context collects it."""
    _tools: dict[str, str] = field(default_factory=dict)

    def event(self, streamed: StreamEvent) -> Event | None:
        """What a streamed event means, if it means anything to people."""
        match getattr(streamed, "item", None):
            case MessageOutputItem() as item:
                text = ItemHelpers.text_message_output(item)
                return Said(item.agent.name, text) if text else None
            case ToolCallItem() as item:
                tool = item.tool_name or ""
                self._tools[item.call_id or ""] = tool
                return Called(item.agent.name, tool)
            case ToolCallOutputItem() as item:
                return self._answer(item)
            case HandoffOutputItem() as item:
                return HandedOver(item.source_agent.name, item.target_agent.name)
            case _:
                return None

    def _answer(self, item: ToolCallOutputItem) -> Answered:
        call_id = item.call_id or ""
        return Answered(
            agent=item.agent.name,
            tool=self._tools.get(call_id, ""),
            text=text_of(item.output),
            failed=call_id in self.failures,
            demo=bool((item.custom_data or {}).get("demo")),
        )
