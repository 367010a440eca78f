"""An MCP upstream that misbehaves as a test tells it to, byte by byte, on a real socket."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipewise_runtime.ports import Token
from pipewise_runtime.served import Project
from pipewise_runtime.upstream.head import SessionKey
from pipewise_runtime.upstream.host import Host
from pipewise_runtime.upstream.leases import IDLE_SECONDS, Origin
from pipewise_runtime.upstream.session import Session
from support.eventually import eventually

TOKEN = Token("token-1", datetime(2027, 1, 1, tzinfo=UTC))


def _initialized() -> dict[str, Any]:
    return {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "serverInfo": {"name": "x", "version": "1"},
    }


@dataclass(slots=True)
class Exchange:
    """One request as the upstream received it, and the socket to answer on."""

    method: str
    identity: Any
    writer: asyncio.StreamWriter = field(repr=False)
    head: bytes = b""
    """The head of the request, all its headers."""
    message: dict[str, Any] = field(default_factory=dict)
    """What it says; nothing in a GET."""

    def answer(self, text: str = "fine") -> bytes:
        """The encoded JSON-RPC answer to the request."""
        result = {"content": [{"type": "text", "text": text}]}
        return json.dumps({"jsonrpc": "2.0", "id": self.identity, "result": result}).encode()

    def write(self, *pieces: bytes) -> None:
        """Write to the socket as it is."""
        self.writer.write(b"".join(pieces))

    def write_result(self, **result: Any) -> None:  # noqa: ANN401 - JSON
        """Write a proper reply with a result."""
        self.write_json(json.dumps({"jsonrpc": "2.0", "id": self.identity, "result": result}).encode())

    def refuse(self, status: int, body: bytes = b"", content_type: bytes = b"text/plain") -> None:
        """Write a reply with another status than 200."""
        head = b"HTTP/1.1 %d No\r\ncontent-type: %b\r\n" % (status, content_type)
        self.write(b"%bcontent-length: %d\r\n\r\n" % (head, len(body)), body)

    def write_json(self, body: bytes, *headers: bytes) -> None:
        """Write a proper JSON reply."""
        self.write(json_reply(body, *headers))

    def begin_events(self) -> None:
        """Begin a chunked event stream."""
        self.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )

    def chunk(self, data: bytes) -> None:
        """Write one chunk; an empty one ends the reply."""
        self.write(b"%x\r\n%b\r\n" % (len(data), data))


Behaviour = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class Upstream:
    """The running upstream and what it saw."""

    behaviour: Behaviour
    url: str = ""
    seen: list[str] = field(default_factory=list)
    """Methods, in order of arrival."""
    opening: dict[str, Any] = field(default_factory=lambda: {"result": _initialized()})
    """What initialize is answered with."""
    takes_notifications: bool = True
    connections: int = 0
    """Connections ever accepted."""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def close_all(self) -> None:
        """Close every connection from this side."""
        for writer in list(self.writers):
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes on one connection: the opening properly, the rest as told."""
        self.connections += 1
        self.writers.add(writer)
        try:
            while exchange := await _received(reader, writer):
                self.seen.append(exchange.method)
                if exchange.method == "initialize":
                    opened = json.dumps({"jsonrpc": "2.0", "id": exchange.identity, **self.opening})
                    exchange.write_json(opened.encode(), b"mcp-session-id: s1")
                elif exchange.method.startswith("notifications/"):
                    if not self.takes_notifications:
                        continue
                    exchange.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                else:
                    await self.behaviour(exchange)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # our client went away, which is what many of these tests are about
        finally:
            self.writers.discard(writer)
            writer.close()


@asynccontextmanager
async def upstream(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """A misbehaving upstream on a free port."""
    running = Upstream(behaviour)
    tasks: set[asyncio.Task[None]] = set()
    accepted: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        task = asyncio.create_task(running.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    running.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/v3"
    try:
        yield running
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for writer in accepted:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@dataclass(frozen=True, slots=True)
class Rig:
    """A session with a misbehaving upstream."""

    session: Session
    host: Host
    upstream: Upstream


@asynccontextmanager
async def connected(
    behaviour: Behaviour, limit: int = 8, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[Rig]:
    """An open session; afterwards nothing may be left of it: no task, no socket, no waiter."""
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    async with upstream(behaviour) as running:
        host = Host(Origin.of(running.url), ssl.create_default_context(), limit, idle_seconds)
        key = SessionKey(
            Project("default", "proj_1", "development", running.url), "sendgrid", "user-42", None
        )
        session = Session(key, host)
        await session.initialize(TOKEN)
        try:
            yield Rig(session, host, running)
            await eventually(
                lambda: "<0 leased" in repr(host.leases) and " 0 opening, 0 waiting" in repr(host.leases)
            )
        finally:
            await host.close()
    await eventually(lambda: asyncio.all_tasks() <= tasks)
    await eventually(lambda: open_sockets() <= sockets)
    assert len(host.leases) == 0


def open_sockets() -> int:
    """How many sockets this process holds."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).startswith("socket:")
    return found


async def _received(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange | None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"GET "):
        return Exchange("GET", None, writer, head)
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
    )
    body = json.loads(await reader.readexactly(length))
    return Exchange(body.get("method", ""), body.get("id"), writer, head, body)


def json_reply(body: bytes, *headers: bytes) -> bytes:
    """A proper JSON reply."""
    lines = b"".join(header + b"\r\n" for header in (b"content-type: application/json", *headers))
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (lines, len(body), body)


async def properly(exchange: Exchange) -> None:
    """Answer as an upstream should."""
    exchange.write_json(exchange.answer())
