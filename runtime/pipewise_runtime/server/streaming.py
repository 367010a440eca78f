"""The reply to one call: plain JSON, or a stream of events once something comes before the response."""

import asyncio
from collections import deque

from .asgi import Send, send_json

EVENT_STREAM = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache, no-transform"),
        (b"x-accel-buffering", b"no"),
    ],
}
"""The start of every event stream."""


class Reply:
    """Sends one reply; notifications make it a stream where the client takes one, else they are dropped."""

    def __init__(self, send: Send, *, takes_events: bool) -> None:
        self._send = send
        self.takes_events = takes_events
        """Whether the client takes a stream."""
        self._waiting: deque[bytes] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._is_stream = False

    def notify(self, notification: bytes) -> None:
        """Pass on a notification; never blocks."""
        if not self.takes_events:
            return
        self._waiting.append(event(notification))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    def notify_but_logs(self, notification: bytes) -> None:
        """Pass on a notification to a client that did not ask for log messages."""
        if b'"notifications/message"' not in notification:
            self.notify(notification)

    async def finish(self, response: bytes, status: int = 200) -> None:
        """Send the response, after all notifications; the status is for a reply that is no stream."""
        if self._writer:
            await self._writer
        if not self._is_stream:
            await send_json(self._send, response, status)
            return
        await self._send({"type": "http.response.body", "body": event(response)})

    async def abandon(self, response: bytes) -> None:
        """End without a response, as MCP wants for a cancelled call; plain JSON has to say something."""
        if not self.takes_events:
            await send_json(self._send, response)
            return
        if self._writer:
            await self._writer
        if not self._is_stream:
            await self._send(dict(EVENT_STREAM))
        await self._send({"type": "http.response.body", "body": b""})

    async def _write(self) -> None:
        if not self._is_stream:
            self._is_stream = True
            await self._send(dict(EVENT_STREAM))
        while self._waiting:
            await self._send(
                {"type": "http.response.body", "body": self._waiting.popleft(), "more_body": True}
            )


def event(message: bytes) -> bytes:
    """One server-sent event; line breaks in encoded JSON are white space, so they can go."""
    return b"event: message\ndata: %b\n\n" % message.replace(b"\r", b"").replace(b"\n", b"")
