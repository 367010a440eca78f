"""Whether anybody was lied to: every call's answer against the ledger of what really ran.

Pure. A promise that was broken comes out as a `Violation`; recovery is measured from the same calls.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .calls import (
    Broken,
    Call,
    Cancelled,
    Failed,
    Left,
    NotServed,
    Odd,
    Run,
    Silent,
    Succeeded,
    ToolFailed,
)

LATEST_SECONDS = 1.0
"""How much later than its deadline an answer may reach its user."""

_ON_ITS_WAY_SECONDS = 0.25
"""How long a call may take to reach the runtime."""

REPEATED, UNANSWERED, WRONG = "repeated_side_effects", "unanswered", "wrong_outcome"
PROMISES = (REPEATED, UNANSWERED, WRONG)


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the wall clock, in seconds."""

    begun: float
    ended: float

    def overlaps(self, begun: float, ended: float) -> bool:
        """Whether it has a moment in common with another span."""
        return self.begun <= ended and begun <= self.ended


@dataclass(frozen=True, slots=True)
class Away(Window):
    """When no runtime was there to answer.

    Attributes:
        drains: it was told to stop, and so owes an answer to all that was asked before.
    """

    drains: bool = False

    def excuses(self, call: Call) -> bool:
        """Whether the connection of a call may have broken."""
        is_owed = self.drains and call.begun < self.begun - _ON_ITS_WAY_SECONDS
        return self.overlaps(call.begun, call.ended) and not is_owed


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise."""

    promise: str
    marker: str
    what: str
    call: Call | None = None


def judged(calls: Sequence[Call], runs: Sequence[Run], runtime_away: Sequence[Away]) -> Sequence[Violation]:
    """Every promise broken to anybody.

    Args:
        calls: all calls of all users.
        runs: all that was executed.
        runtime_away: when no runtime was there to answer; only then may a connection to it break.
    """
    times = Counter(run.marker for run in runs)
    known = {call.asked.marker for call in calls}
    found = [
        Violation(REPEATED, call.asked.marker, f"ran {times[call.asked.marker]} times", call)
        for call in calls
        if call.asked.writes and times[call.asked.marker] > 1
    ]
    for call in calls:
        if what := _untrue(call, times[call.asked.marker]):
            found.append(Violation(WRONG, call.asked.marker, what, call))
        if what := _unanswered(call, runtime_away):
            found.append(Violation(UNANSWERED, call.asked.marker, what, call))
    unasked = times.keys() - known
    return [*found, *(Violation(WRONG, marker, "ran though nobody asked") for marker in sorted(unasked))]


def _untrue(call: Call, times: int) -> str:
    """What is wrong with the answer, given how often the action ran; nothing when it is true."""
    match call.answer:
        case Succeeded() if not times:
            return "said to have succeeded, and never ran"
        case Failed(outcome="not_run") | NotServed() if times:
            return f"said not to have run, and ran {times} times"
        case Failed(outcome="failed") if call.asked.writes:
            return "a write of which only a failure is told"
        case Failed(outcome="unknown") if not call.asked.writes:
            return "a read of unknown fate"
        case Failed(outcome=outcome) if outcome not in {"not_run", "unknown", "failed"}:
            return f"an outcome that does not exist: {outcome}"
        case Odd(what=what):
            return f"an answer that makes no sense: {what}"
        case Succeeded() | Failed() | NotServed() | ToolFailed() | Cancelled() | Left() | Broken() | Silent():
            return ""


def _unanswered(call: Call, runtime_away: Iterable[Away]) -> str:
    """Why a call counts as unanswered; nothing when it was answered in time or its client did not wait."""
    latest = call.asked.deadline_seconds + LATEST_SECONDS
    match call.answer:
        case Left():
            return ""
        case Silent():
            return f"no answer in {call.seconds:.1f} s"
        case Broken(cause=cause):
            excused = any(away.excuses(call) for away in runtime_away)
            return "" if excused else f"the connection broke though the runtime lived: {cause}"
        case _ if call.seconds > latest:
            return f"answered after {call.seconds:.2f} s; the deadline was {call.asked.deadline_seconds:g} s"
        case _:
            return ""


def last_trouble(calls: Iterable[Call], calm: Window) -> float:
    """Seconds from the beginning of a calm until the last call ended that was begun in it and failed."""
    failed = [
        call.ended - calm.begun
        for call in calls
        if calm.begun <= call.begun and call.ended <= calm.ended and _is_trouble(call)
    ]
    return max(failed, default=0.0)


def _is_trouble(call: Call) -> bool:
    return isinstance(call.answer, Failed | NotServed | Broken | Silent | Odd)


def promises(violations: Iterable[Violation]) -> Mapping[str, int]:
    """How often each promise was broken."""
    counted = Counter(violation.promise for violation in violations)
    return {promise: counted[promise] for promise in PROMISES}
