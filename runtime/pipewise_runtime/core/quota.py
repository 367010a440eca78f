"""A runtime's part of a project's quota: runs counted in a sliding window, and what Pipedream itself said."""

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .fairness import Demand

THROTTLED_SECONDS = 30.0
"""How long a 429 without Retry-After is taken to hold."""
REFUSED_SECONDS = 15.0
"""A refused call is told of for at least this long, though a run may fit sooner: others wait for it, too."""
_TOLD_IN = 30
"""The ends of refusals are told in such steps (seconds): those of many calls are one piece of news."""


STARTING_PART = 16
"""Before it is told its share, a runtime keeps to this part (one in so many) of a project's runs."""


@dataclass(slots=True)
class Quota:
    """Which runs still fit; the moments are read from one monotonic clock, in seconds."""

    runs: int | None = None
    """Runs allowed in one window; None as long as nobody has said."""
    window_seconds: float = 300.0
    told_demand: int = 0
    """Runs wanted, as last reported."""
    told_used: int = 0
    """Runs in the window, as last reported."""
    _ran: deque[tuple[float, str]] = field(default_factory=deque)
    _demand: Demand = field(default_factory=Demand)
    _exhausted_until: float = float("-inf")
    _refused_until: float = float("-inf")

    def share(self, runs: int, window_seconds: float) -> None:
        """Keep to this part of the project's quota from now on."""
        self.runs, self.window_seconds = runs, window_seconds

    def recall(self, at: float, runs: int) -> None:
        """So many runs were made by then, before any that this quota has counted."""
        self._ran.extendleft([(at, "")] * runs)
        for _ in range(runs):
            self._demand.ran("")

    def wait(self, now: float, user: str = "") -> float:
        """Seconds until a run of a user fits; 0 when one fits now.

        While others want runs too, a user who has had its fair part waits until one of its own leaves.
        """
        refused = max(self._refused_until - now, 0.0)
        self._forget(now)
        if self.runs is None:
            return refused
        if len(self._ran) >= self.runs:
            to_go = self._ran[len(self._ran) - self.runs][0] if self.runs else now
        elif self._demand.has_room(user, self.runs):
            return refused
        else:
            to_go = next(at for at, who in self._ran if who == user)
        return max(to_go + self.window_seconds - now, refused)

    def ran(self, now: float, user: str = "") -> None:
        """A run of a user was sent."""
        if self.runs is not None:
            self._ran.append((now, user))
            self._demand.ran(user)

    def refused(self, now: float, user: str) -> None:
        """A user was told to wait: it wants runs, too."""
        if self.runs is not None:
            self._demand.refused(user, now, self.window_seconds)

    def throttled(self, now: float, retry_after_seconds: float | None) -> float:
        """Pipedream answered 429: seconds for which the quota is taken to be used up.

        With a Retry-After no run of anybody passes before its end. Without one nobody knows, so runs go on to
        be tried, each after its own waits.
        """
        if retry_after_seconds is not None:
            self._refused_until = max(self._refused_until, now + retry_after_seconds)
        lasts = THROTTLED_SECONDS if retry_after_seconds is None else retry_after_seconds
        self._exhausted_until = max(self._exhausted_until, now + lasts)
        return lasts

    def answered(self, now: float) -> bool:
        """A run was answered: whether that shows that the quota lasts; it may have been sent before a 429."""
        if now < self._refused_until:
            return False
        self._exhausted_until = float("-inf")
        return True

    def is_used_up(self, now: float) -> bool:
        """Whether no run of anybody is left in the present window."""
        return self.runs is not None and self.used(now) >= self.runs

    def is_short(self, now: float) -> bool:
        """Whether more runs were wanted lately than there are: some of them are going to be refused."""
        return self.runs is not None and self.wanted(now) > self.runs

    def exhausted(self, now: float) -> bool:
        """Whether Pipedream's own word still holds."""
        return now < self._exhausted_until

    def used(self, now: float) -> int:
        """Runs in the current window."""
        self._forget(now)
        return len(self._ran)

    @property
    def has_grown(self) -> bool:
        """Whether more runs are wanted than was reported."""
        return self._demand.wanted > self.told_demand

    def wanted(self, now: float) -> int:
        """Runs asked for in the current window, those refused included."""
        self._forget(now)
        return self._demand.wanted

    def _forget(self, now: float) -> None:
        while self._ran and self._ran[0][0] + self.window_seconds <= now:
            self._demand.left(self._ran.popleft()[1])
        self._demand.forget(now, self.window_seconds)


def end_told(now: datetime, wait_seconds: float) -> datetime:
    """When a refusal is said to end that asks to wait so long; never sooner than the wait."""
    ends = now.timestamp() + max(wait_seconds, REFUSED_SECONDS)
    return datetime.fromtimestamp(math.ceil(ends / _TOLD_IN) * _TOLD_IN, UTC)


def starting_share(runs: int) -> int:
    """What a runtime keeps to of a project's runs until it is told its share."""
    return max(runs // STARTING_PART, 1)
