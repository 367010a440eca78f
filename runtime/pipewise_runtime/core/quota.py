"""A runtime's part of a project's quota: runs counted in a sliding window, and what Pipedream itself said."""

from collections import deque
from dataclasses import dataclass, field

THROTTLED_SECONDS = 30.0
"""How long a 429 without Retry-After is taken to hold."""


@dataclass(slots=True)
class Quota:
    """Which runs still fit; the moments are read from one monotonic clock, in seconds."""

    runs: int | None = None
    """Runs allowed in one window; None as long as nobody has said."""
    window_seconds: float = 300.0
    _ran_at: deque[float] = field(default_factory=deque)
    _exhausted_until: float = float("-inf")
    _refused_until: float = float("-inf")

    def share(self, runs: int, window_seconds: float) -> None:
        """Keep to this part of the project's quota from now on."""
        self.runs, self.window_seconds = runs, window_seconds

    def wait(self, now: float) -> float:
        """Seconds until a run fits; 0 when one fits now."""
        refused = max(self._refused_until - now, 0.0)
        self._forget(now)
        if self.runs is None or len(self._ran_at) < self.runs:
            return refused
        oldest_to_go = self._ran_at[len(self._ran_at) - self.runs] if self.runs else now
        return max(oldest_to_go + self.window_seconds - now, refused)

    def ran(self, now: float) -> None:
        """A run was sent."""
        if self.runs is not None:
            self._ran_at.append(now)

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

    def exhausted(self, now: float) -> bool:
        """Whether Pipedream's own word still holds."""
        return now < self._exhausted_until

    def used(self, now: float) -> int:
        """Runs in the current window."""
        self._forget(now)
        return len(self._ran_at)

    def _forget(self, now: float) -> None:
        while self._ran_at and self._ran_at[0] + self.window_seconds <= now:
            self._ran_at.popleft()
