"""A model that plays a written conversation, for demonstrations and tests without a key or a network.

It is as truthful as the agents are told to be: what it reports of a tool depends on what the tool answered.
`model_choice` takes it when there is no real model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents import Model
from agents.items import TResponseOutputItem
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call

from .failures import NOT_DONE, service_of, unreachable
from .outcomes import text_of

DEMO_PREFIX = "[demo]"
"""How the runtime begins a result that was made up."""


@dataclass(frozen=True, slots=True)
class Say:
    """The agent says something; the conversation ends with it."""

    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """The agent uses a tool; `done` is what a later report says of it if it worked."""

    tool: str
    arguments: Mapping[str, Any]
    done: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """The agent hands the conversation to another, named by its title, with a remark."""

    to: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The agent tells what became of each tool used so far; the conversation ends with it."""

    opening: str


Step = Say | Use | HandOff | Report


@dataclass(frozen=True, slots=True)
class Script:
    """What the user says and how the agents go about it; a real model hears only the message."""

    message: str
    steps: Sequence[Step]


def scripted_model(steps: Sequence[Step], failures: Mapping[str, str]) -> Model:
    """A model that plays these steps, one an answer.

    Args:
        steps: The script; a tool that its agent does not have is passed over and reported as unreachable.
        failures: What failed calls said, by call id, as the conversation's context collects it.
    """
    part = _Part(list(steps), failures)
    return ScriptedModel([ModelStep.respond(part.next) for _ in steps])


@dataclass(slots=True)
class _Part:
    """Where in the script the model is, and the calls it made."""

    steps: list[Step]
    failures: Mapping[str, str]
    used: list[tuple[str, Use]] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    spoken: int = 0

    def next(self, call: ModelCall) -> Sequence[TResponseOutputItem]:
        """The model's answer to what it was given."""
        while self.steps:
            match self.steps.pop(0):
                case Use(tool=tool) as use if tool in {offered.name for offered in call.tools}:
                    return [self._called(use)]
                case Use() as use:
                    self.unreachable.add(self._noted(use))
                case HandOff(to=to, remark=remark):
                    [transfer] = [known.tool_name for known in call.handoffs if known.agent_name == to]
                    said = [self._said(remark)] if remark else []
                    return [*said, function_call(transfer, {}, call_id=f"handoff-{len(self.steps)}")]
                case Say(text=text):
                    return [self._said(text)]
                case report:
                    return [self._said("\n".join([report.opening, *self._results(call)]))]
        return [self._said("")]

    def _said(self, text: str) -> TResponseOutputItem:
        self.spoken += 1
        return assistant_message(text, item_id=f"message-{self.spoken}")

    def _called(self, use: Use) -> TResponseOutputItem:
        return function_call(use.tool, use.arguments, call_id=self._noted(use))

    def _noted(self, use: Use) -> str:
        call_id = f"call-{len(self.used) + 1}"
        self.used.append((call_id, use))
        return call_id

    def _results(self, call: ModelCall) -> list[str]:
        outputs = {item["call_id"]: text_of(item["output"]) for item in call.input if _is_output(item)}
        return [f"- {self._result(call_id, use, outputs.get(call_id, ''))}" for call_id, use in self.used]

    def _result(self, call_id: str, use: Use, output: str) -> str:
        if call_id in self.unreachable:
            return f"{unreachable(service_of(use.tool))}. {NOT_DONE}"
        if call_id in self.failures:
            return self.failures[call_id]
        return f"{DEMO_PREFIX} {use.done}" if output.startswith(DEMO_PREFIX) else use.done


def _is_output(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "function_call_output"
