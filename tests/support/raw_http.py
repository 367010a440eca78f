"""An ASGI application behind the runtime's HTTP server, and clients that write bytes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pipewise_runtime.server.asgi import App, Receive, Scope, Send, body_of, send_text
from pipewise_runtime.server.listening import Address, Listener

GET = b"GET /there?x=1 HTTP/1.1\r\nHost: here\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *pieces: bytes) -> None:
        """Write bytes."""
        self.writer.write(b"".join(pieces))

    async def response(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """The next response: status, headers and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        first, *lines = head.rstrip().split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        return int(first.split(b" ")[1]), headers, await asyncio.wait_for(self._body(headers), 5)

    async def rest(self) -> bytes:
        """All until the server closes the connection."""
        return await asyncio.wait_for(self.reader.read(), 5)

    async def _body(self, headers: dict[bytes, bytes]) -> bytes:
        if headers.get(b"transfer-encoding") != b"chunked":
            return await self.reader.readexactly(int(headers.get(b"content-length", b"0")))
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body


@dataclass(frozen=True, slots=True)
class Site:
    """The running server."""

    listener: Listener

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.address.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()


@asynccontextmanager
async def site(app: App, *, drain_seconds: float = 1.0, idle_seconds: float = 75.0) -> AsyncIterator[Site]:
    """Serve an application on loopback."""
    listener = Listener(app, Address("127.0.0.1", 0), drain_seconds=drain_seconds, idle_seconds=idle_seconds)
    await listener.start()
    try:
        yield Site(listener)
    finally:
        await listener.stop()


def pieces(text: bytes, places: Sequence[int]) -> list[bytes]:
    """Bytes cut at some places."""
    ends = sorted({min(place, len(text)) for place in places} | {0, len(text)})
    return [text[begin:end] for begin, end in itertools.pairwise(ends)]


def post(body: bytes, *headers: bytes, target: bytes = b"/") -> bytes:
    """A request with a body."""
    lines = b"".join(header + b"\r\n" for header in (b"Content-Length: %d" % len(body), *headers))
    return b"POST %b HTTP/1.1\r\nHost: here\r\n%b\r\n%b" % (target, lines, body)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked."""
    body = await body_of(receive, 10_000_000)
    said = b"%b %b?%b %b" % (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
    await send_text(send, 200, said)
