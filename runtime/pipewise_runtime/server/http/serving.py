"""The server: its connections, the requests under way on them, and an orderly end."""

import asyncio
import socket
import time
from collections.abc import Callable

from pipewise_runtime.server.asgi import App

from .connection import Connection
from .cycle import Cycle

IDLE_SECONDS = 75.0
"""How long connections stay open without a request: longer than clients want, so that they close them."""

ANSWER_SECONDS = 1.0
"""How long what is cut short may take to answer."""


class Server:
    """Serves one ASGI application on one socket."""

    def __init__(self, app: App, idle_seconds: float) -> None:
        self._app, self._idle_seconds = app, idle_seconds
        self._connections: set[Connection] = set()
        self._cycles: set[Cycle] = set()
        self._server: asyncio.Server
        self._looks: asyncio.TimerHandle
        self._at_rest = asyncio.Event()

    async def start(self, listening: socket.socket) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self, time.monotonic), sock=listening)
        self._plan_look()

    async def stop(self, drain_seconds: float, ending: App, cut_short: Callable[[], None]) -> None:
        """Let what is under way finish for so long while all else is answered by `ending`, then end.

        What is not finished by then is told so by `cut_short`, and has a moment to answer all the same.
        """
        self._app = ending
        if not await self._rests_within(drain_seconds):
            cut_short()
            if not await self._rests_within(ANSWER_SECONDS):
                await self._cut_off()
        self._looks.cancel()
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        await self._server.wait_closed()

    async def _rests_within(self, seconds: float) -> bool:
        """Wait until all that is under way has finished; whether it did in time."""
        resting = asyncio.create_task(self._rest())
        await asyncio.wait((resting,), timeout=seconds)
        resting.cancel()
        return not self._cycles

    async def _rest(self) -> None:
        while self._cycles:
            self._at_rest.clear()
            await self._at_rest.wait()

    async def _cut_off(self) -> None:
        tasks = [cycle.task for cycle in self._cycles if cycle.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Keeper

    def joined(self, connection: Connection) -> None:
        """A client connected."""
        self._connections.add(connection)

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)

    def start_cycle(self, cycle: Cycle) -> None:
        """Have a request answered."""
        self._cycles.add(cycle)
        cycle.task = asyncio.get_running_loop().create_task(cycle.run(self._app))

    def ended(self, cycle: Cycle) -> None:
        """A request was answered."""
        self._cycles.discard(cycle)
        if not self._cycles:
            self._at_rest.set()

    def _plan_look(self) -> None:
        self._looks = asyncio.get_running_loop().call_later(self._idle_seconds / 4, self._look)

    def _look(self) -> None:
        """Close connections on which nothing has come for long."""
        oldest = time.monotonic() - self._idle_seconds
        for connection in list(self._connections):
            if connection.idle_since is not None and connection.idle_since < oldest:
                connection.close()
        self._plan_look()
