"""One HTTP request on its real connection: read it, answer it, or fail it as a network would.

Uvicorn's protocol is extended by one thing, the connection in the ASGI scope, so that a fault can cut it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipewise_sandbox.reply import Reply

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_EXTENSION = "pipewise_sandbox.connection"
_DRIPS = 20


class CuttableProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, whose requests know their connection."""

    def on_message_begin(self) -> None:
        """Put the connection into the scope of the request that begins."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"protocol": self}}


class Wire:
    """The connection of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._protocol: CuttableProtocol = scope["extensions"][_EXTENSION]["protocol"]
        self._receive, self._send = receive, send

    @property
    def open_connections(self) -> int:
        """How many connections the server has."""
        return len(self._protocol.connections)

    async def body(self) -> bytes:
        """The whole request body; cut short when the client leaves."""
        parts = bytearray()
        while True:
            message = await self._receive()
            parts += message.get("body", b"")
            if not message.get("more_body"):
                return bytes(parts)

    async def reply(self, reply: Reply) -> None:
        """Answer."""
        await self._start(reply)
        await self._send({"type": "http.response.body", "body": reply.body})

    async def drip(self, reply: Reply, seconds: float) -> None:
        """Answer in small pieces over a time."""
        await self._start(reply)
        size = len(reply.body) // _DRIPS + 1
        for start in range(0, len(reply.body), size):
            piece = reply.body[start : start + size]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(seconds / _DRIPS)
        await self._send({"type": "http.response.body", "body": b""})

    async def half(self, reply: Reply) -> None:
        """Promise the whole reply, send half of it, and close the connection."""
        await self._start(reply)
        piece = reply.body[: len(reply.body) // 2]
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        self._protocol.transport.close()
        await self.gone()

    async def cut(self) -> None:
        """Close the connection without a word."""
        self._protocol.transport.abort()
        await self.gone()

    async def gone(self) -> None:
        """Wait until the client or we have closed the connection; the body must have been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _start(self, reply: Reply) -> None:
        headers = [
            (b"content-type", reply.content_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in reply.headers),
        ]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
