"""Who may go on at once and who waits in line for that: `core.admission` with waits."""

import asyncio

from .clock import Clock
from .core.admission import Admission, Place
from .under_way import CAUSE, UnderWay

WAITING_PER_IN_FLIGHT = 4
"""So many calls may wait in line for each that may be under way."""


class Turns:
    """Lets so many calls of each place go on at once, and the others in their order."""

    def __init__(self, clock: Clock, under_way: UnderWay, most_in_flight: int) -> None:
        self._clock, self._under_way = clock, under_way
        most_waiting = most_in_flight * WAITING_PER_IN_FLIGHT
        self._admission: Admission[asyncio.Future[None]] = Admission(most_in_flight, most_waiting)

    @property
    def under_way(self) -> int:
        """Calls under way at all places."""
        return self._admission.under_way

    @property
    def waiting(self) -> int:
        """Calls in line at all places."""
        return self._admission.waiting

    def at_once(self, place: Place) -> bool:
        """Go on if there is room."""
        return self._admission.enter(place)

    async def in_turn(self, place: Place, deadline: float) -> str:
        """Wait in line and go on; or why that never came to be."""
        ticket = asyncio.get_running_loop().create_future()
        if not self._admission.queue(place, ticket):
            return "too many calls are waiting already"
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await ticket
        except TimeoutError:
            if self._admission.give_up(place, ticket):
                return "the call's turn did not come before its deadline"
        except asyncio.CancelledError:
            if not self._admission.give_up(place, ticket):
                self.leave(place)
            if self._under_way.was_cut_short():
                return CAUSE
            raise
        return ""

    def leave(self, place: Place) -> None:
        """A call is over and the next in line under way; if that was cancelled, it leaves by itself."""
        next_in_line = self._admission.leave(place)
        if next_in_line and not next_in_line.done():
            next_in_line.set_result(None)
