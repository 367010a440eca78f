"""The connections to one origin, and who holds which: carries out what `core.ledger` decides.

Used by `host` for each exchange.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipewise_runtime.core.ledger import Action, Close, Fail, Grant, Ledger, Open

from .connection import Connection
from .reply import CrowdedError, NotSentError

IDLE_SECONDS = 4.0
"""Servers commonly close after 5 idle seconds; writing into a closing one leaves a write's fate open."""

CONNECT_SECONDS = 10.0
"""How long opening a connection may take."""

_CLOSED = "the runtime closes its connections"


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


class Leases:
    """At most `limit` connections to one origin, each held by one exchange at a time or idle."""

    def __init__(self, origin: Origin, tls: ssl.SSLContext, limit: int, idle_seconds: float) -> None:
        self._origin = origin
        self._tls = tls if origin.scheme == "https" else None
        self._idle_seconds = idle_seconds
        self._ledger = Ledger(limit, idle_seconds)
        self._waiters: dict[object, asyncio.Future[Connection]] = {}
        self._openers: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        self._failure = ""
        self._closed = False
        self._sweep: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Leases {self._origin.host}:{self._origin.port} {self._ledger!r}>"

    def __len__(self) -> int:
        """Connections open."""
        return len(self._connections)

    @property
    def held(self) -> int:
        """Connections that an exchange holds."""
        return self._ledger.leased

    @property
    def crowded(self) -> bool:
        """Whether exchanges hold as many as there may be."""
        return self._ledger.leased >= self._ledger.limit

    def at_once(self) -> Connection | None:
        """Lease an idle connection, if there is one.

        Raises:
            NotSentError: the connections are being closed.
        """
        if self._closed:
            raise NotSentError(_CLOSED)
        connection = self._ledger.lend(time.monotonic())
        return connection if isinstance(connection, Connection) else None

    async def in_turn(self, seconds: float | None) -> Connection:
        """Lease a connection as soon as one is idle or opened.

        Raises:
            CrowdedError: others of ours held all of them.
            NotSentError: none could be had, or not in time.
        """
        caller = object()
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiters[caller] = waiter
        self._do(self._ledger.wants(caller, time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except (TimeoutError, asyncio.CancelledError) as error:
            self._ledger.withdraws(caller)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give_back(waiter.result())  # granted in the same moment
            if isinstance(error, TimeoutError):
                kind = CrowdedError if self.crowded else NotSentError
                raise kind(f"no connection could be had in {seconds:.1f} s") from error
            raise
        finally:
            self._waiters.pop(caller, None)

    def give_back(self, connection: Connection) -> None:
        """The exchange is over and the connection can serve the next."""
        self._do(self._ledger.returned(connection, time.monotonic()))
        self._plan_sweep()

    async def close(self) -> None:
        """Close all connections; who waits for one is told, and who holds one sees it cut."""
        self._closed = True
        if self._sweep:
            self._sweep.cancel()
        for opener in self._openers:
            opener.cancel()
        await asyncio.gather(*self._openers, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()
        for caller, waiter in self._waiters.items():
            self._ledger.withdraws(caller)
            if not waiter.done():
                waiter.set_exception(NotSentError(_CLOSED))

    def _do(self, actions: list[Action]) -> None:
        if self._closed:
            return
        for action in actions:
            match action:
                case Grant(caller=caller, connection=Connection() as connection):
                    self._grant(self._waiters[caller], connection)
                case Open(caller=caller):
                    opener = asyncio.create_task(self._open(caller))
                    self._openers.add(opener)
                    opener.add_done_callback(self._openers.discard)
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
                    lambda: Connection(self.give_back, self._gone),
                    name, self._origin.port, ssl=self._tls, server_hostname=name if self._tls else None,
                )  # fmt: skip
        except (OSError, ValueError) as error:  # ValueError: a name or port that cannot be
            self._failure = f"cannot connect to {name}:{self._origin.port}: {error or type(error).__name__}"
            self._do(self._ledger.not_opened(caller))
        else:
            self._connections.add(connection)
            self._do(self._ledger.opened(caller, connection, time.monotonic()))
            self._plan_sweep()

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._do(self._ledger.lost(connection))

    def _plan_sweep(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._idle_seconds, self._close_expired)

    def _close_expired(self) -> None:
        self._sweep = None
        self._do(self._ledger.expired(time.monotonic()))
        if self._connections:
            self._plan_sweep()
