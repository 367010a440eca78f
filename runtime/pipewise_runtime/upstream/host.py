"""One upstream host: its connections, shared by all users, and the exchanges over them."""

import asyncio
import contextlib
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipewise_runtime.core.ledger import Action, Close, Fail, Grant, Ledger, Open

from .connection import Attempt, Connection
from .reply import NotSentError, Reply, TransportError

IDLE_SECONDS = 4.0
"""Servers commonly close after 5 idle seconds; writing into a closing one leaves a write's fate open."""

CONNECT_SECONDS = 10.0
"""How long opening a connection may take."""

FORGET_SECONDS = 1.0
"""How long a notification may take that nobody waits for."""

DRAIN_SECONDS = 1.0
"""How long an event stream may go on after the answer before its connection is given up."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a host is: what a URL says before its path."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Read the origin of an http or https URL."""
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


class Host:
    """Exchanges with one origin over at most `limit` connections."""

    def __init__(self, origin: Origin, tls: ssl.SSLContext, limit: int = 256) -> None:
        self._origin = origin
        self._tls = tls if origin.scheme == "https" else None
        self._ledger = Ledger(limit, IDLE_SECONDS)
        self._waiters: dict[object, asyncio.Future[Connection]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        self._failure = ""
        self._closed = False
        self._sweep: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Host {self._origin.host}:{self._origin.port} {self._ledger!r}>"

    async def exchange(self, attempt: Attempt) -> Reply:
        """Send one request and wait for its reply.

        Raises:
            NotSentError: no byte was written.
            CutOffError: bytes were written and no proper reply came.
        """
        while not (connection := await self._lease()).usable:
            connection.abort()
        try:
            reply = await connection.exchange(attempt)
        except BaseException:
            connection.abort()
            raise
        if connection.busy:
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, _give_up, connection, attempt)
        return reply

    def send_and_forget(self, attempt: Attempt) -> None:
        """Send a notification whose fate does not matter; it is given a second."""
        sender = asyncio.create_task(self._send(attempt))
        self._tasks.add(sender)
        sender.add_done_callback(self._tasks.discard)

    async def _send(self, attempt: Attempt) -> None:
        with contextlib.suppress(TransportError, TimeoutError):
            async with asyncio.timeout(FORGET_SECONDS):
                await self.exchange(attempt)

    async def close(self) -> None:
        """Close all connections; exchanges under way, and those that wait for a connection, fail."""
        self._closed = True
        if self._sweep:
            self._sweep.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()
        for caller, waiter in self._waiters.items():
            self._ledger.withdraws(caller)
            if not waiter.done():
                waiter.set_exception(NotSentError("the runtime closes its connections"))

    async def _lease(self) -> Connection:
        if self._closed:
            raise NotSentError("the runtime closes its connections")
        caller = object()
        actions = self._ledger.wants(caller, time.monotonic())
        if (
            actions
            and isinstance(granted := actions[-1], Grant)
            and isinstance(granted.connection, Connection)
        ):
            self._do(actions[:-1])
            return granted.connection
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiters[caller] = waiter
        self._do(actions)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._ledger.withdraws(caller)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._idle(waiter.result())
            raise
        finally:
            self._waiters.pop(caller, None)

    def _do(self, actions: list[Action]) -> None:
        if self._closed:
            return
        for action in actions:
            match action:
                case Grant(caller=caller, connection=Connection() as connection):
                    self._grant(self._waiters[caller], connection)
                case Open(caller=caller):
                    opener = asyncio.create_task(self._open(caller))
                    self._tasks.add(opener)
                    opener.add_done_callback(self._tasks.discard)
                case Close(connection=Connection() as connection):
                    connection.abort()
                case Fail(caller=caller) if not self._waiters[caller].done():
                    self._waiters[caller].set_exception(NotSentError(self._failure))

    def _grant(self, waiter: asyncio.Future[Connection], connection: Connection) -> None:
        if waiter.done():  # cancelled, in a task that has not come round to saying so
            self._do(self._ledger.returned(connection, time.monotonic()))
        else:
            waiter.set_result(connection)

    async def _open(self, caller: object) -> None:
        loop = asyncio.get_running_loop()
        name = self._origin.host
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._idle, self._gone),
                    name, self._origin.port, ssl=self._tls, server_hostname=name if self._tls else None,
                )  # fmt: skip
        except (OSError, ValueError) as error:  # ValueError: a name or port that cannot be
            self._failure = f"cannot connect to {name}:{self._origin.port}: {error or type(error).__name__}"
            self._do(self._ledger.not_opened(caller))
        else:
            self._connections.add(connection)
            self._do(self._ledger.opened(caller, connection, time.monotonic()))
            self._plan_sweep()

    def _idle(self, connection: Connection) -> None:
        self._do(self._ledger.returned(connection, time.monotonic()))
        self._plan_sweep()

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._do(self._ledger.lost(connection))

    def _plan_sweep(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_expired)

    def _close_expired(self) -> None:
        self._sweep = None
        self._do(self._ledger.expired(time.monotonic()))
        if self._connections:
            self._plan_sweep()


def _give_up(connection: Connection, attempt: Attempt) -> None:
    """End a stream that went on after its answer, unless the connection serves another exchange by now."""
    if connection.serves(attempt):
        connection.abort()
