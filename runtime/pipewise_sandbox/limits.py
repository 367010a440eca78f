"""Rate limits: at most so many hits per window and key, counted over a sliding window."""

from collections import deque


class Limits:
    """The hits of every key, as far back as a window reaches. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._hits: dict[tuple[str, ...], deque[float]] = {}

    def hit(self, key: tuple[str, ...], limit: int, window_seconds: float, now: float) -> float | None:
        """Count one hit.

        Returns:
            None when it is within the limit; else the seconds until one would be again, and nothing is
            counted. A limit of 0 is none.
        """
        if limit == 0:
            return None
        hits = self._hits.setdefault(key, deque())
        while hits and hits[0] <= now - window_seconds:
            hits.popleft()
        if len(hits) >= limit:
            return hits[-limit] + window_seconds - now
        hits.append(now)
        return None

    def used(self, key: tuple[str, ...], window_seconds: float, now: float) -> int:
        """The hits of a key within the window that ends now."""
        return sum(hit > now - window_seconds for hit in self._hits.get(key, ()))
