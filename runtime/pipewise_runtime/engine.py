"""The inner half of the runtime: takes what sources deliver and carries out what the server asks."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from .admitting import MOST_IN_FLIGHT, Admitting
from .announcements import Announcements
from .calling import Calling
from .clock import Clock
from .core.evidence import Evidence
from .crossing import Crossing
from .demo import Demo
from .listing import Listing
from .live_call import Scene
from .metrics import Metrics
from .operating import Operating
from .pool import Pool
from .ports import Caller, Tokens
from .probing import Probing
from .registry import Registry
from .served import Project, ServedBinding, ServedService
from .standing import Standing
from .under_way import UnderWay
from .upstream.head import SessionKey

_CLOCK = Clock()


class Engine:
    """A `Sink` to the sources and the `Calls` of the server."""

    def __init__(
        self,
        tokens: Tokens,
        evidence: Evidence,
        metrics: Metrics,
        clock: Clock = _CLOCK,
        most_in_flight: int = MOST_IN_FLIGHT,
    ) -> None:
        self._metrics = metrics
        self._pool = Pool(ssl.create_default_context())
        self._standing = Standing(clock, evidence, metrics)
        self._registry = Registry(clock, evidence, metrics, Demo(clock))
        self._under_way = UnderWay()
        operating = Operating(self._pool, tokens, clock, self._under_way)
        self._probing = Probing(self._registry, Listing(self._registry, operating, self._standing, clock))
        admitting = Admitting(operating, metrics, clock, self._under_way, most_in_flight)
        scene = Scene(self._registry, self._standing, self._probing)
        self._crossing = Crossing(Calling(scene, admitting), self._under_way)
        self._announcements = Announcements(self._registry, self._pool, tokens, self._probing)
        self._prober: asyncio.Task[None]
        metrics.sessions.set_function(lambda: len(self._pool))
        metrics.exchanges.set_function(lambda: self._pool.exchanges)

    @property
    def bindings(self) -> int:
        """Bindings served."""
        return len(self._registry)

    @property
    def sessions(self) -> int:
        """Upstream sessions open."""
        return len(self._pool)

    @property
    def calls(self) -> int:
        """Calls under way."""
        return len(self._under_way)

    async def start(self) -> None:
        """Begin to probe."""
        self._prober = asyncio.create_task(self._probing.run(), name="probing")

    def cut_short(self) -> None:
        """Have every call answered now with what is known of it, and no other begin."""
        self._under_way.cut_short()

    async def stop(self) -> None:
        """Stop probing and close every upstream connection."""
        self._prober.cancel()
        await asyncio.wait((self._prober,))
        await self._announcements.stop()
        await self._pool.close()

    # Sink

    def serve_project(self, project: Project) -> None:
        """Take up a new or changed project: what was seen of its apps before is no evidence any more."""
        if self._registry.projects.get(project.name) != project:
            self._registry.put_project(project)
            self._probing.ask(project.name)
        self._standing.quota(project.name)
        self._pool.keep_only(project)
        self._announcements.prune()

    def drop_project(self, name: str) -> None:
        """Forget a project."""
        self._registry.drop_project(name)
        self._standing.forget(name)
        self._pool.forget_project(name)
        self._announcements.prune()

    def serve(self, binding: ServedBinding) -> None:
        """Take up a new or changed binding."""
        before = self._registry.put(binding)
        if before:
            self._forget_sessions(before, keep=binding)
            self._tell_of_changes(before, binding)
            self._announcements.prune()
        self._probing.wake()

    def drop(self, name: str) -> None:
        """Stop serving a binding at once."""
        if binding := self._registry.drop(name):
            self._registry.changes.tell([binding])
            self._forget_sessions(binding, keep=None)
            self._announcements.prune()

    def share(self, project: str, runs: int, window_seconds: float) -> None:
        """Keep to this part of the project's quota."""
        self._standing.share(project, runs, window_seconds)

    def ran_before(self, project: str, runs: int, until: datetime) -> None:
        """Count so many runs of an earlier process, the last of them by then."""
        self._standing.ran_before(project, runs, until)

    def hold_off(self, project: str, until: datetime) -> None:
        """Try no run of the project before this moment, which Pipedream named to another runtime."""
        self._standing.hold_off(project, until)

    # Calls

    def binding(self, agent: str, user: str) -> ServedBinding | None:
        """The binding served for an agent and user."""
        return self._registry.binding(agent, user)

    async def tools(self, binding: ServedBinding) -> bytes:
        """The encoded result of tools/list, once every app was looked at."""
        await self._probing.looked_at(binding)
        now_served = self._registry.binding(binding.agent, binding.user)
        return self._registry.catalogue(now_served or binding).listing

    def watch_tools(self, agent: str, user: str, changed: Callable[[], None]) -> Callable[[], None]:
        """Tell whenever the list of tools changes; the answer is what ends that."""
        return self._registry.changes.watch(agent, user, changed)

    def call(self, binding: ServedBinding, params: bytes, caller: Caller) -> Awaitable[bytes]:
        """The encoded result of tools/call; see `ports.Calls`."""
        return self._crossing.call(binding, params, caller)

    def _tell_of_changes(self, before: ServedBinding, now: ServedBinding) -> None:
        if self._registry.catalogue(before) is not self._registry.catalogue(now):
            self._registry.changes.tell([now])

    def _forget_sessions(self, binding: ServedBinding, keep: ServedBinding | None) -> None:
        kept = self._sessions_of(keep, keep.live()) if keep else set()
        for key in self._sessions_of(binding, binding.services) - kept:
            self._pool.forget(key)

    def _sessions_of(self, binding: ServedBinding, services: Iterable[ServedService]) -> set[SessionKey]:
        project = self._registry.projects.get(binding.project)
        if project is None:
            return set()  # they were forgotten with it
        return {SessionKey(project, each.app, binding.user, each.account_id) for each in services}
