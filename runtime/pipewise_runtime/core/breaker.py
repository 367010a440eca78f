"""A circuit breaker that only a probe closes: users' calls never find out whether a service is back.

One stands for a provider (project and app), one for each user's use of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """The right to make the one probe; its result counts only if the breaker has not changed since."""

    generation: int


@dataclass(slots=True)
class Breaker:
    """Closed until enough counted failures in a row, or until a probe fails."""

    failures_to_open: int = 5
    open_for_seconds: float = 5.0
    failures: int = 0
    open: bool = False
    _next_probe_at: float | None = None
    _probing: bool = False
    _generation: int = 0

    def admits(self) -> bool:
        """Whether a user's call may pass."""
        return not self.open

    def retry_after(self, now: float) -> float:
        """Seconds after which a call may pass again at the earliest."""
        if not self.open or self._next_probe_at is None:
            return 0.0
        return max(self._next_probe_at - now, 0.0)

    def succeeded(self) -> None:
        """A user's call was answered properly; an open breaker waits for its probe all the same."""
        if not self.open:
            self.failures = 0
            if not self._probing:
                self._next_probe_at = None

    def failed(self, now: float) -> None:
        """A counted failure of a user's call: it asks for a probe at once."""
        if self.open:
            return
        self.failures += 1
        if self.failures >= self.failures_to_open:
            self._generation += 1  # a probe that began before must not close what opened since
            self._open(now)
        elif not self._probing and self._next_probe_at is None:
            self._next_probe_at = now

    def probe_at(self) -> float | None:
        """When the next probe is due; None when none is wanted or one is under way."""
        return None if self._probing else self._next_probe_at

    def begin_probe(self, now: float) -> Probe | None:
        """Take the one probe if it is due."""
        if self._probing or self._next_probe_at is None or now < self._next_probe_at:
            return None
        self._probing = True
        return Probe(self._generation)

    def probed(self, probe: Probe, *, ok: bool, now: float) -> None:
        """Report how the probe went."""
        if not self._probing or probe.generation != self._generation:
            return
        self._probing = False
        if not ok:
            self._open(now)
        elif self.open:
            self.open, self.failures, self._next_probe_at = False, 0, None
        else:
            self._next_probe_at = None  # failures go on counting: only a user's success shows that calls work

    def abandoned(self, probe: Probe, now: float) -> None:
        """The probe was cancelled and says nothing; another one is due at once."""
        if self._probing and probe.generation == self._generation:
            self._probing = False
            self._next_probe_at = now

    def _open(self, now: float) -> None:
        self.open, self._probing = True, False
        self._next_probe_at = now + self.open_for_seconds
