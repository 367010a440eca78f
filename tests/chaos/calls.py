"""What is known of a call after it: what was asked, when, and what the caller was told.

Pure: `users` makes calls and has replies read here; `judge` compares them with the ledger.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipewise_runtime.server.envelope import ENDING, INVALID_PARAMS, NOT_SERVED, REQUEST_CANCELLED

INJECTED = "injected"
"""What the sandbox says where it was told to answer with a JSON-RPC error."""

NOTHING = "an empty reply"
_TURNED_AWAY = (NOT_SERVED, INVALID_PARAMS, ENDING)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A result."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The runtime's own word that the call failed."""

    outcome: str
    """not_run, unknown or failed."""
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class ToolFailed:
    """The tool's own error, passed on."""

    what: str


@dataclass(frozen=True, slots=True)
class NotServed:
    """Turned away by the runtime before anything was tried."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The runtime's confirmation that the client took the call back."""


@dataclass(frozen=True, slots=True)
class Left:
    """The client went away without waiting for the answer."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection to the runtime broke."""

    cause: str


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer came, long after the deadline."""


@dataclass(frozen=True, slots=True)
class Odd:
    """An answer that makes no sense."""

    what: str


Answer = Succeeded | Failed | ToolFailed | NotServed | Cancelled | Left | Broken | Silent | Odd


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as its user made it."""

    marker: str
    """In the arguments of this call and of no other."""
    user: str
    app: str
    tool: str
    writes: bool
    arguments: Mapping[str, Any]
    deadline_seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A call and its answer; moments are seconds of the wall clock."""

    asked: Asked
    begun: float
    seconds: float
    answer: Answer

    @property
    def ended(self) -> float:
        """When its user knew."""
        return self.begun + self.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One execution, as the sandbox's journal has it."""

    marker: str
    effect: bool
    at: float


def word_for(answer: Answer) -> str:
    """One word for an answer, for counting."""
    return answer.outcome if isinstance(answer, Failed) else type(answer).__name__.lower()


def read(status: int, body: bytes) -> Answer:
    """What an HTTP reply of the runtime says."""
    if not body:
        return Odd(NOTHING)
    try:
        message = json.loads(_payload(body))
    except ValueError:
        return Odd(f"HTTP {status}: {body[:200]!r}")
    if not isinstance(message, dict):
        return Odd(f"HTTP {status}: {body[:200]!r}")
    if "error" in message:
        return _error(message["error"])
    result = message.get("result")
    return _result(result) if isinstance(result, dict) else Odd(f"HTTP {status}: {body[:200]!r}")


def _payload(body: bytes) -> bytes:
    """The JSON of a reply, which is the last event where the reply is an event stream."""
    events = [line for line in body.splitlines() if line.startswith(b"data:")]
    return events[-1].removeprefix(b"data:") if events and not body.startswith(b"{") else body


def _error(error: Mapping[str, Any]) -> Answer:
    code, message = int(error.get("code", 0)), str(error.get("message"))
    if message == INJECTED:
        return ToolFailed(message)
    if code == REQUEST_CANCELLED:
        return Cancelled()
    return NotServed(code, message) if code in _TURNED_AWAY else Odd(f"error {code}: {message}")


def _result(result: Mapping[str, Any]) -> Answer:
    if result.get("_meta", {}).get("pipewise/demo"):
        return Odd("a demo result although demo is Never")
    if not result.get("isError"):
        return Succeeded()
    told = result.get("structuredContent") or {}
    if "outcome" not in told:
        return ToolFailed(str(result.get("content"))[:200])
    return Failed(told["outcome"], told["reason"], told["attempts"])
