"""The running operator: lists the world once, then reconciles while it leads; lists again now and then.

A replica that does not lead watches and lists all the same, so that it can take over at once.

kopf's watches tell changes but not what vanished while a watch was away, and not when a first listing was
complete. So this program lists for itself: before the first judgement, soon after, and every ten minutes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from .children import Children
from .desired.schedule import retry_delay
from .doors import Doors
from .election import Election, LeaseLostError
from .failures import ClusterError
from .keepers import Keepers
from .reconcile import Reconciler
from .serving import Served, serve

_log = structlog.get_logger()
_LISTED = ("Pod", "MCPRuntime", "PipedreamProject", "AgentMCPBinding")
_SECOND_LISTING_SECONDS = 20.0
_LISTING_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Workers:
    """Those who act while this process leads."""

    keepers: Keepers
    reconciler: Reconciler
    children: Children


class Operation:
    """Owns every task beside kopf's own; `start` and `stop` are kopf's startup and cleanup."""

    def __init__(
        self, doors: Doors, workers: Workers, election: Election, on_end: Callable[[], None]
    ) -> None:
        self._doors, self._workers, self._election, self._on_end = doors, workers, election, on_end
        self._task: asyncio.Task[None] | None = None
        self._is_synced = False
        self._served: Served | None = None
        self.failed = False

    async def start(self, listen: str) -> str:
        """Begin; the URL of the operator's own port."""
        self._doors.world.dirty.call(self._workers.reconciler.wake)
        self._served = await serve(listen, self._doors.metrics.registry, lambda: self._is_synced)
        self._task = asyncio.create_task(self._run(), name="operation")
        self._task.add_done_callback(self._ended)
        return self._served.url

    async def stop(self) -> None:
        """End all tasks and close all connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._workers.keepers.stop()
        await self._election.give_up()
        await self._doors.pipedream.close()
        await self._doors.cluster.close()
        if self._served is not None:
            await self._served.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, BaseExceptionGroup) and error.subgroup(LeaseLostError) is not None:
            _log.error("operator stops", cause="; ".join(str(each) for each in error.exceptions))
        else:
            _log.error("operator stops: a task failed", exc_info=error)
        self.failed = True
        self._on_end()

    async def _run(self) -> None:
        await self._list()
        self._is_synced = True
        _log.info(
            "world listed", bindings=len(self._doors.world.bindings), runtimes=len(self._doors.world.runtimes)
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self._election.run())
            group.create_task(self._lead())
            group.create_task(self._list_again())

    async def _lead(self) -> None:
        await self._election.leadership.begun.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._workers.reconciler.run())
            group.create_task(self._workers.children.run())

    async def _list_again(self) -> None:
        await asyncio.sleep(_SECOND_LISTING_SECONDS)
        while True:
            await self._list()
            await asyncio.sleep(_LISTING_SECONDS * (0.9 + self._doors.dice() / 5))

    async def _list(self) -> None:
        """Take in everything there is, trying until the API server answers."""
        attempt = 0
        while True:
            try:
                for kind in _LISTED:
                    before = self._doors.world.known(kind)
                    self._doors.world.replace(kind, before, await self._doors.cluster.list(kind))
            except ClusterError as error:
                attempt += 1
                _log.warning("objects not listed; tried again", cause=str(error))
                await asyncio.sleep(retry_delay(attempt, self._doors.dice()).total_seconds())
            else:
                return
