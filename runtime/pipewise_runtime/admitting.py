"""Keeps the calls of one user at one service within what the runtime can carry: `core.admission` with waits.

Stands between `calling` and `operating`.
"""

import asyncio

from pipewise_crds import Verdict

from .clock import Clock
from .core.admission import Admission, Place
from .core.retry import GiveUp, Operation, Outcome
from .metrics import Metrics
from .operating import Answered, Asked, Operating, Unanswered
from .under_way import CAUSE, UnderWay

MOST_IN_FLIGHT = 32
"""Calls of one (binding, service) under way at once, unless the command line says otherwise."""
WAITING_PER_IN_FLIGHT = 4
"""So many calls may wait in line for each that may be under way."""
RETRY_AFTER_SECONDS = 1.0
"""When to come back after a refusal."""


class Admitting:
    """Lets calls in, keeps the others in line in their order, and refuses early where the line is full."""

    def __init__(
        self,
        operating: Operating,
        metrics: Metrics,
        clock: Clock,
        under_way: UnderWay,
        most_in_flight: int = MOST_IN_FLIGHT,
    ) -> None:
        self._operating, self._metrics, self._clock = operating, metrics, clock
        self._under_way = under_way
        most_waiting = most_in_flight * WAITING_PER_IN_FLIGHT
        self._admission: Admission[asyncio.Future[None]] = Admission(most_in_flight, most_waiting)
        metrics.calls_under_way.set_function(lambda: self._admission.under_way)
        metrics.calls_waiting.set_function(lambda: self._admission.waiting)

    async def run(self, place: Place, asked: Asked, operation: Operation) -> Answered | Unanswered:
        """Carry out an operation when its turn comes, or say that it never came."""
        if not self._admission.enter(place) and (cause := await self._turn(place, operation.deadline)):
            self._metrics.calls_refused.labels(asked.key.app).inc()
            refusal = GiveUp(Verdict.RUNTIME_UNAVAILABLE, Outcome.NOT_RUN, cause, RETRY_AFTER_SECONDS)
            return Unanswered(refusal, None, operation.attempts)
        try:
            return await self._operating.run(asked, operation)
        finally:
            self._leave(place)

    async def _turn(self, place: Place, deadline: float) -> str:
        """Wait in line until the call is under way; or why it never was."""
        ticket = asyncio.get_running_loop().create_future()
        if not self._admission.queue(place, ticket):
            return "too many calls of this user to this service are waiting already"
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await ticket
        except TimeoutError:
            if self._admission.give_up(place, ticket):
                return "the call's turn did not come before its deadline"
        except asyncio.CancelledError:
            if not self._admission.give_up(place, ticket):
                self._leave(place)
            if self._under_way.was_cut_short():
                return CAUSE
            raise
        return ""

    def _leave(self, place: Place) -> None:
        """A call is over and the next in line under way; if that was cancelled, it leaves by itself."""
        next_in_line = self._admission.leave(place)
        if next_in_line and not next_in_line.done():
            next_in_line.set_result(None)
