"""Moments at which time alone changes a truth: a report turns stale, a quota comes back, a grace ends."""

import heapq
from datetime import datetime
from typing import NamedTuple

from .keys import Key


class Alarm(NamedTuple):
    """Which object to look at again: the kind's name and the object's key.

    Of kind "Shares": the division of a namespace's quotas; its key has no name.
    """

    kind: str
    key: Key


class Alarms:
    """Alarms by object; setting one again replaces it. Plain and synchronous."""

    def __init__(self) -> None:
        self._when: dict[Alarm, datetime] = {}
        self._heap: list[tuple[datetime, Alarm]] = []

    def set(self, alarm: Alarm, when: datetime) -> None:
        """Look at an object again at this moment."""
        if self._when.get(alarm) != when:
            self._when[alarm] = when
            heapq.heappush(self._heap, (when, alarm))

    def clear(self, alarm: Alarm) -> None:
        """Time alone changes nothing about this object any more."""
        self._when.pop(alarm, None)

    def due(self, now: datetime) -> list[Alarm]:
        """Take the alarms whose moment has come."""
        taken = []
        while self._heap and self._heap[0][0] <= now:
            when, alarm = heapq.heappop(self._heap)
            if self._when.get(alarm) == when:
                del self._when[alarm]
                taken.append(alarm)
        return taken

    def next(self) -> datetime | None:
        """When the first alarm is due."""
        while self._heap and self._when.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
