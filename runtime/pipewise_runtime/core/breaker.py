"""A circuit breaker that only a probe closes: users' calls never find out whether a service is back.

One stands for a provider (project and app), one for each user in trouble with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """The right to make the one probe; its result counts only if the breaker has not changed since."""

    generation: int


@dataclass(slots=True)
class Breaker:
    """Closed until enough counted failures in a row, of calls and probes together.

    Times are seconds on one monotonic clock.
    """

    failures_to_open: int = 5
    open_for_seconds: float = 5.0
    probe_every_seconds: float = 1.0
    """How soon a failed probe is repeated while the breaker is closed."""
    failures: int = 0
    open: bool = False
    _next_probe_at: float | None = None
    _probing: bool = False
    _generation: int = 0

    def retry_after(self, now: float) -> float:
        """Seconds until the probe that may let calls pass; 0 when they pass, or it is due or under way."""
        if not self.open or self._next_probe_at is None:
            return 0.0
        return max(self._next_probe_at - now, 0.0)

    def succeeded(self) -> None:
        """A user's call was answered properly; an open breaker waits for its probe all the same."""
        if not self.open:
            self.failures = 0
            self._next_probe_at = None

    def failed(self, now: float) -> None:
        """A counted failure of a user's call: it asks for a probe at once."""
        if self.open:
            return
        self._count(now, probe_at=now)

    def ask_for_probe(self, now: float) -> None:
        """Want a probe though nothing failed: nothing is known yet, or for too long."""
        if not self.awaits_probe:
            self._next_probe_at = now

    @property
    def awaits_probe(self) -> bool:
        """Whether a probe is wanted or under way, so that more will be known soon."""
        return self._probing or self._next_probe_at is not None

    def probe_at(self) -> float | None:
        """When the next probe is due; None when none is wanted or one is under way."""
        return None if self._probing else self._next_probe_at

    def begin_probe(self, now: float) -> Probe | None:
        """Take the one probe if it is due."""
        if self._probing or self._next_probe_at is None or now < self._next_probe_at:
            return None
        self._probing, self._next_probe_at = True, None
        return Probe(self._generation)

    def probed(self, probe: Probe, *, ok: bool, now: float) -> None:
        """Report how the probe went."""
        if not self._probing or probe.generation != self._generation:
            return
        self._probing = False
        if ok and self.open:
            self.open, self.failures, self._next_probe_at = False, 0, None
        elif ok:
            self._next_probe_at = None  # failures go on counting: only a user's success shows that calls work
        elif self.open:
            self._open(now)
        else:
            self._count(now, probe_at=now + self.probe_every_seconds)

    def abandoned(self, probe: Probe, again_at: float) -> None:
        """The probe came to nothing and says nothing; another one is due then."""
        if self._probing and probe.generation == self._generation:
            self._probing, self._next_probe_at = False, again_at

    def _count(self, now: float, probe_at: float) -> None:
        self.failures += 1
        if self.failures >= self.failures_to_open:
            self._open(now)
        elif not self._probing:
            earlier = probe_at if self._next_probe_at is None else self._next_probe_at
            self._next_probe_at = min(probe_at, earlier)

    def _open(self, now: float) -> None:
        self._generation += 1  # a probe that began before must not close what opened since
        self.open, self._probing = True, False
        self._next_probe_at = now + self.open_for_seconds
