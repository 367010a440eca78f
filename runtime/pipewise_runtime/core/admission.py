"""How many calls may be under way at once, who waits in line for a place, and when the line is full.

Pure; `turns` makes those in line wait.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Place = tuple[str, str]
"""What is limited: a (binding, service) pair or an (address, app) pair, so that others have their part."""


_Ticket = TypeVar("_Ticket", bound=Hashable)


@dataclass(slots=True)
class Admission(Generic[_Ticket]):
    """The calls under way and in line at each place; a place that nobody uses takes no memory."""

    most_in_flight: int
    """Calls under way at once at one place."""
    most_waiting: int
    """Calls in line at one place."""
    waiting: int = 0
    """Calls in line at all places."""
    _in_flight: dict[Place, int] = field(default_factory=dict)
    _lines: dict[Place, dict[_Ticket, None]] = field(default_factory=dict)

    @property
    def under_way(self) -> int:
        """Calls under way at all places."""
        return sum(self._in_flight.values())

    def enter(self, place: Place) -> bool:
        """Begin a call if there is room; nobody is in line while there is."""
        under_way = self._in_flight.get(place, 0)
        if under_way >= self.most_in_flight:
            return False
        self._in_flight[place] = under_way + 1
        return True

    def queue(self, place: Place, ticket: _Ticket) -> bool:
        """Get in line behind all others; False where the line is full."""
        line = self._lines.setdefault(place, {})
        if len(line) >= self.most_waiting:
            return False
        line[ticket] = None
        self.waiting += 1
        return True

    def leave(self, place: Place) -> _Ticket | None:
        """End a call: the first in line, if there is one, has its room and is under way now."""
        if self._lines and (line := self._lines.get(place)):
            ticket = next(iter(line))
            self._take_out(place, ticket)
            return ticket
        under_way = self._in_flight[place]
        if under_way == 1:
            del self._in_flight[place]
        else:
            self._in_flight[place] = under_way - 1
        return None

    def give_up(self, place: Place, ticket: _Ticket) -> bool:
        """Leave the line; False where the ticket was let in before, so that it must leave as any other."""
        if ticket not in self._lines.get(place, ()):
            return False
        self._take_out(place, ticket)
        return True

    def _take_out(self, place: Place, ticket: _Ticket) -> None:
        line = self._lines[place]
        del line[ticket]
        self.waiting -= 1
        if not line:
            del self._lines[place]
