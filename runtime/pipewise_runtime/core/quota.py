"""A runtime's part of a project's quota: runs counted in a sliding window, and what Pipedream itself said."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Quota:
    """Which runs still fit; the moments are read from one monotonic clock, in seconds."""

    runs: int | None = None
    """Runs allowed in one window; None as long as nobody has said."""
    window_seconds: float = 300.0
    _ran_at: deque[float] = field(default_factory=deque)
    _exhausted_until: float = float("-inf")

    def share(self, runs: int, window_seconds: float) -> None:
        """Keep to this part of the project's quota from now on."""
        self.runs, self.window_seconds = runs, window_seconds

    def wait(self, now: float) -> float:
        """Seconds until a run fits; 0 when one fits now."""
        refused = max(self._exhausted_until - now, 0.0)
        self._forget(now)
        if self.runs is None or len(self._ran_at) < self.runs:
            return refused
        oldest_to_go = self._ran_at[len(self._ran_at) - self.runs] if self.runs else now
        return max(oldest_to_go + self.window_seconds - now, refused)

    def ran(self, now: float) -> None:
        """A run was sent."""
        if self.runs is not None:
            self._ran_at.append(now)

    def throttled(self, until: float) -> None:
        """Pipedream answered 429: no run of anybody passes before then."""
        self._exhausted_until = max(self._exhausted_until, until)

    def exhausted(self, now: float) -> bool:
        """Whether Pipedream's own word still holds."""
        return now < self._exhausted_until

    def used(self, now: float) -> int:
        """Runs in the current window."""
        self._forget(now)
        return len(self._ran_at)

    def _forget(self, now: float) -> None:
        while self._ran_at and now - self._ran_at[0] >= self.window_seconds:
            self._ran_at.popleft()
