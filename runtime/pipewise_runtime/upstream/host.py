"""One upstream host: the exchanges over its connections, which all users share."""

import asyncio
import contextlib
import ssl
import time

from .connection import Attempt, Connection
from .leases import IDLE_SECONDS, Leases, Origin
from .reply import Reply, TransportError

MOST_CONNECTIONS = 256
"""To one host, for all users and apps there."""

FORGET_SECONDS = 1.0
"""How long a notification may take that nobody waits for."""

DRAIN_SECONDS = 1.0
"""How long an event stream may go on after the answer before its connection is given up."""


class Host:
    """Exchanges with one origin."""

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext,
        limit: int = MOST_CONNECTIONS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.leases = Leases(origin, tls, limit, idle_seconds)
        self._senders: set[asyncio.Task[None]] = set()

    async def exchange(self, attempt: Attempt) -> Reply:
        """Send one request and wait for its reply.

        Raises:
            NotSentError: no byte was written.
            CutOffError: bytes were written and no proper reply came.
        """
        while not (connection := self.leases.at_once() or await self._in_turn(attempt)).usable:
            connection.abort()
        try:
            reply = await connection.begin(attempt)
        except BaseException:
            connection.abort()
            raise
        if connection.busy:
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, _give_up, connection, attempt)
        return reply

    def send_and_forget(self, request: bytes) -> None:
        """Send a notification whose fate does not matter; it is given a second."""
        sender = asyncio.create_task(self._send(Attempt(request, seconds=FORGET_SECONDS)))
        self._senders.add(sender)
        sender.add_done_callback(self._senders.discard)

    async def close(self) -> None:
        """Close all connections; exchanges under way, and those that wait for a connection, fail.

        What nobody waits for is sent before that: the word that a call is not awaited any more.
        """
        await asyncio.gather(*self._senders)
        await self.leases.close()

    async def _send(self, attempt: Attempt) -> None:
        with contextlib.suppress(TransportError):
            await self.exchange(attempt)

    async def _in_turn(self, attempt: Attempt) -> Connection:
        """Wait for a connection; the time that takes is the attempt's."""
        began = time.monotonic()
        connection = await self.leases.in_turn(attempt.seconds)
        if attempt.seconds is not None:
            attempt.seconds = max(attempt.seconds - (time.monotonic() - began), 0.001)
        return connection


def _give_up(connection: Connection, attempt: Attempt) -> None:
    """End a stream that went on after its answer, unless the connection serves another exchange by now."""
    if connection.serves(attempt):
        connection.abort()
