"""One token keeper and one account keeper for every usable project, started and stopped with it."""

import asyncio
from dataclasses import dataclass

import structlog

from pipewise_crds import ProjectSpec

from .accounts import AccountKeeper
from .doors import Doors
from .keys import Key
from .records import ProjectRecord
from .tokens import TokenKeeper

_log = structlog.get_logger()
_RESTART_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Keeper:
    """What looks after one project as its spec was when it began."""

    spec: ProjectSpec
    record: ProjectRecord
    tokens: TokenKeeper
    accounts: AccountKeeper
    task: asyncio.Task[None]


class Keepers:
    """The keepers by project; owns their tasks."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._running: dict[Key, Keeper] = {}

    def of(self, key: Key) -> Keeper | None:
        """The keeper of a project, if it has one."""
        return self._running.get(key)

    def follow(self, key: Key) -> None:
        """Start, restart or stop the keeper, as the project's present spec asks for."""
        record, running = self._doors.world.projects.get(key), self._running.get(key)
        wanted = record is not None and not record.invalid
        if running is not None and (
            record is None
            or not wanted
            or running.spec != record.project.spec
            or running.record is not record
        ):
            running.task.cancel()
            del self._running[key]
            running = None
        if record is not None and wanted and running is None:
            self._doors.metrics.project_known(*key)
            self._running[key] = self._started(key, record)

    async def stop(self) -> None:
        """Stop all keepers and wait for their end."""
        tasks = [keeper.task for keeper in self._running.values()]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _started(self, key: Key, record: ProjectRecord) -> Keeper:
        tokens = TokenKeeper(self._doors, key, record)
        accounts = AccountKeeper(self._doors, key, record, tokens)
        task = asyncio.create_task(_kept(key, tokens, accounts), name=f"keeper of {key.namespace}/{key.name}")
        return Keeper(record.project.spec, record, tokens, accounts, task)


async def _kept(key: Key, tokens: TokenKeeper, accounts: AccountKeeper) -> None:
    while True:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(tokens.run())
                group.create_task(accounts.run())
        except Exception:  # noqa: BLE001 - the edge of a task: one project's trouble must not stop the others
            _log.exception("keeper failed; started again", namespace=key.namespace, project=key.name)
            await asyncio.sleep(_RESTART_SECONDS)
