"""The server: its connections, the requests under way on them, and an orderly end."""

import asyncio
import socket
import time

from pipewise_runtime.server.asgi import App

from .connection import Connection
from .cycle import Cycle

IDLE_SECONDS = 75.0
"""How long connections stay open without a request: longer than clients want, so that they close them."""


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

    async def stop(self, drain_seconds: float, ending: App) -> None:
        """Let what is under way finish for so long while all else is answered by `ending`, then end."""
        self._app = ending
        try:
            async with asyncio.timeout(drain_seconds):
                while self._cycles:
                    self._at_rest.clear()
                    await self._at_rest.wait()
        except TimeoutError:
            tasks = [cycle.task for cycle in self._cycles if cycle.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._looks.cancel()
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        await self._server.wait_closed()

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
