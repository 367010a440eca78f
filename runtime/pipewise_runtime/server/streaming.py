"""The reply to one call: plain JSON, or a stream of events once notifications come before the response."""

import asyncio
from collections import deque

from .asgi import Send, send_json

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache, no-transform"),
        (b"x-accel-buffering", b"no"),
    ],
}


class Reply:
    """Sends one reply; notifications make it a stream where the client takes one, else they are dropped."""

    def __init__(self, send: Send, *, takes_events: bool) -> None:
        self._send = send
        self._takes_events = takes_events
        self._waiting: deque[bytes] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._is_stream = False

    def notify(self, notification: bytes) -> None:
        """Pass on a notification; never blocks."""
        if not self._takes_events:
            return
        self._waiting.append(_event(notification))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def finish(self, response: bytes) -> None:
        """Send the response, after all notifications."""
        if self._writer:
            await self._writer
        if not self._is_stream:
            await send_json(self._send, response)
            return
        await self._send({"type": "http.response.body", "body": _event(response)})

    async def abandon(self, response: bytes) -> None:
        """End without a response, as MCP wants for a cancelled call; plain JSON has to say something."""
        if not self._takes_events:
            await send_json(self._send, response)
            return
        if self._writer:
            await self._writer
        if not self._is_stream:
            await self._send(dict(_START))
        await self._send({"type": "http.response.body", "body": b""})

    async def _write(self) -> None:
        if not self._is_stream:
            self._is_stream = True
            await self._send(dict(_START))
        while self._waiting:
            await self._send(
                {"type": "http.response.body", "body": self._waiting.popleft(), "more_body": True}
            )


def _event(message: bytes) -> bytes:
    """One server-sent event; line breaks in encoded JSON are white space, so they can go."""
    return b"event: message\ndata: %b\n\n" % message.replace(b"\r", b"").replace(b"\n", b"")
