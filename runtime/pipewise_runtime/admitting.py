"""Keeps calls within what the runtime can carry: those of one user at one service, and those of one app.

Stands between `calling` and `operating`.
"""

from pipewise_crds import Verdict

from .clock import Clock
from .core.admission import Place
from .core.retry import CROWDED_SECONDS, GiveUp, Operation, Outcome
from .metrics import Metrics
from .operating import Answered, Asked, Operating, Unanswered
from .turns import Turns
from .under_way import UnderWay
from .upstream.host import MOST_CONNECTIONS

MOST_IN_FLIGHT = 32
"""Calls of one (binding, service) under way at once, unless the command line says otherwise."""
MOST_OF_AN_APP = MOST_CONNECTIONS // 2
"""Calls of all users at one app under way at once: one that hangs leaves connections to the others."""


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
        self._operating, self._metrics = operating, metrics
        users, apps = Turns(clock, under_way, most_in_flight), Turns(clock, under_way, MOST_OF_AN_APP)
        self._users, self._apps = users, apps
        metrics.calls_under_way.set_function(lambda: apps.under_way)
        metrics.calls_waiting.set_function(lambda: users.waiting + apps.waiting)

    async def run(self, place: Place, asked: Asked, operation: Operation) -> Answered | Unanswered:
        """Carry out an operation when its turn comes, or say that it never came."""
        users = self._users
        if not users.at_once(place) and (cause := await users.in_turn(place, operation.deadline)):
            return self._refused(asked, operation, f"{cause} (of this user at this service)")
        try:
            return await self._run_at_app(asked, operation)
        finally:
            users.leave(place)

    async def _run_at_app(self, asked: Asked, operation: Operation) -> Answered | Unanswered:
        apps, app = self._apps, (asked.key.project.mcp_url, asked.key.app)
        if not apps.at_once(app) and (cause := await apps.in_turn(app, operation.deadline)):
            return self._refused(asked, operation, f"{cause} (of all users at this app)")
        try:
            return await self._operating.run(asked, operation)
        finally:
            apps.leave(app)

    def _refused(self, asked: Asked, operation: Operation, cause: str) -> Unanswered:
        self._metrics.calls_refused.labels(asked.key.app).inc()
        refusal = GiveUp(Verdict.RUNTIME_UNAVAILABLE, Outcome.NOT_RUN, cause, CROWDED_SECONDS)
        return Unanswered(refusal, None, operation.attempts)
