"""When a report is written: at once after a quiet second, then at most once a second, urgent news now.

Pure; `report` asks it how long to wait and tells it how the writes went. Times are seconds of any one clock.
"""

from dataclasses import dataclass, replace
from typing import Any

LEAST_BETWEEN_SECONDS = 1.0
"""Between two writes, unless something urgent happened."""
LONGEST_BACKOFF_SECONDS = 15.0
"""Between two tries to write while the API server is away."""

LEAST_DEMAND = 16
"""Wishes for fewer runs than this are not told apart."""

_NOT_NEWS = ("syncedThrough", "sessions", "reportTime")
"""Fields of a status that alone are no reason to write it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What was written and what waits to be."""

    interval_seconds: float
    """A report is written at least this often."""
    has_news: bool = True
    """Something worth a write has changed since the last one."""
    is_urgent: bool = False
    """It must not wait."""
    written_at: float | None = None
    failures: int = 0
    """Failed writes in a row."""
    retry_at: float = 0.0
    """Not before then, after a failed write."""

    def due_at(self, now: float) -> float:
        """When to write next; in the past or equal to now means now."""
        if self.failures:
            return self.retry_at
        if self.written_at is None or self.is_urgent:
            return now
        if self.has_news:
            return self.written_at + LEAST_BETWEEN_SECONDS
        return self.written_at + self.interval_seconds

    def is_periodic(self, now: float) -> bool:
        """Whether a write is due however little has changed."""
        return self.written_at is None or now >= self.written_at + self.interval_seconds

    def changed(self, *, urgent: bool = False) -> "Schedule":
        """Something worth a write has changed."""
        return replace(self, has_news=True, is_urgent=self.is_urgent or urgent)

    def nothing_new(self) -> "Schedule":
        """What changed has changed back, or is not worth a write."""
        return replace(self, has_news=False, is_urgent=False)

    def written(self, at: float) -> "Schedule":
        """A report was written that says all there was to say at that time."""
        return Schedule(self.interval_seconds, has_news=False, written_at=at)

    def failed(self, at: float, jitter: float) -> "Schedule":
        """A write failed: try again after a growing pause.

        Args:
            at: when it failed.
            jitter: between 0 and 1; how much of the pause to spread.
        """
        pause = min(2.0**self.failures, LONGEST_BACKOFF_SECONDS) * (0.5 + jitter / 2)
        return replace(self, has_news=True, failures=self.failures + 1, retry_at=at + pause)


def coarse_demand(told: int, wanted: int) -> int:
    """The runs wanted as they are told: a power of two, which stays until it is too small or far too big.

    Args:
        told: what was told last.
        wanted: the exact number.
    """
    if not wanted or told // 4 < wanted <= told:
        return told if wanted else 0
    return max(1 << (wanted - 1).bit_length(), LEAST_DEMAND)


def is_news(written: dict[str, Any] | None, status: dict[str, Any], *, bindings_moved: bool) -> bool:
    """Whether a status says something that the written one does not.

    Args:
        written: the status as last written; None before the first write.
        status: the status as it is now.
        bindings_moved: whether a binding came or changed its generation since, so that syncedThrough is news.
    """
    if written is None:
        return True
    if bindings_moved and written.get("syncedThrough") != status.get("syncedThrough"):
        return True
    return _telling(written) != _telling(status)


def _telling(status: dict[str, Any]) -> dict[str, Any]:
    """A status without what is not news; of an exception, when it was last met is not."""
    kept = {name: value for name, value in status.items() if name not in _NOT_NEWS}
    exceptions = [{**entry, "lastSeen": None} for entry in status.get("exceptions", ())]
    return {**kept, "exceptions": exceptions}
