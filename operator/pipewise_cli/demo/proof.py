"""A step of the demo: a claim, how it is proved, and what was seen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .layout import wrapped
from .stage import Stage


@dataclass(slots=True)
class Seen:
    """What a step observed: lines for people that fit a terminal, measured seconds for programs too."""

    lines: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """A sentence; long ones are wrapped."""
        self.lines += wrapped(text)

    def table(self, text: str) -> None:
        """Text whose lines stay as they are."""
        self.lines += text.rstrip().splitlines()

    def measured(self, name: str, seconds: float) -> None:
        """A time under a name for programs."""
        self.seconds[name] = round(seconds, 3)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the demo proves.

    Attributes:
        name: for programs.
        claim: for people, one line.
        prove: does it, and raises ProofFailedError when it is not so.
        logs: whose logs tell why, should it fail.
    """

    name: str
    claim: str
    prove: Callable[[Stage, Seen], None]
    logs: tuple[str, ...] = ("operator", "runtime")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went.

    Attributes:
        step: which.
        seconds: how long it took.
        seen: what was observed.
        problem: why it failed; nothing when it passed.
    """

    step: Step
    seconds: float
    seen: Seen
    problem: str = ""

    def as_json(self, number: int) -> dict[str, Any]:
        """For programs."""
        return {
            "number": number,
            "name": self.step.name,
            "claim": self.step.claim,
            "passed": not self.problem,
            "seconds": round(self.seconds, 3),
            "measured": self.seen.seconds,
            "observed": self.seen.lines,
            **({"problem": self.problem} if self.problem else {}),
        }
