"""The line between our programs and the provider: a TCP proxy that can be cut, stalled and slowed down."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

_CHUNK = 65536
_SLOWNESS_SECONDS = 0.15

Direction = Literal["pass", "cut", "half"]
"""What becomes of the next bytes: they pass, the connection is cut before them, or after half of them."""


@dataclass(slots=True)
class Line:
    """Passes TCP connections on; all its methods are called in the loop it was opened in.

    Attributes:
        port: where it listens.
        upstream_port: where the provider listens.
        requests: what becomes of bytes on their way to the provider.
        replies: what becomes of bytes on their way back.
    """

    port: int
    upstream_port: int
    requests: Direction = "pass"
    replies: Direction = "pass"
    _delay_seconds: float = 0.0
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _carriers: set[asyncio.Task[None]] = field(default_factory=set)

    async def listen(self) -> None:
        """Take connections from now on."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port, backlog=1024)

    async def refuse(self) -> None:
        """Refuse new connections and cut those there are."""
        if self._server:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Cut all connections there are."""
        for writer in list(self._open):
            writer.transport.abort()

    async def stall(self) -> None:
        """Let nothing pass; what comes meanwhile passes later."""
        self._flowing.clear()

    async def slow(self) -> None:
        """Let everything take its time."""
        self._delay_seconds = _SLOWNESS_SECONDS

    async def spoil(self, requests: Direction, replies: Direction) -> None:
        """Cut connections when something is to pass on them, in either direction."""
        self.requests, self.replies = requests, replies

    async def mend(self) -> None:
        """Let everything pass again."""
        self.requests = self.replies = "pass"
        self._delay_seconds = 0.0
        await self.listen()

    async def close(self) -> None:
        """Refuse, cut, and wait until nothing is left."""
        await self.refuse()
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)

    @property
    def connections(self) -> int:
        """Connections carried now."""
        return len(self._carriers)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrier = asyncio.current_task()
        assert carrier is not None
        self._carriers.add(carrier)
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            self._carriers.discard(carrier)
            self._open.discard(writer)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, requests = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        self._open.add(requests)
        there = asyncio.ensure_future(self._pump(reader, requests, lambda: self.requests))
        back = asyncio.ensure_future(self._pump(replies, writer, lambda: self.replies))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            self._open.discard(requests)
            requests.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, fate: Callable[[], Direction]
    ) -> None:
        while chunk := await source.read(_CHUNK):
            await self._flowing.wait()
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            match fate():
                case "cut":
                    return
                case "half":
                    sink.write(chunk[: len(chunk) // 2])
                    await sink.drain()
                    return
                case "pass":
                    sink.write(chunk)
                    await sink.drain()
