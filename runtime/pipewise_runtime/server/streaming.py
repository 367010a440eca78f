"""The reply to one call: plain JSON, or a stream of events once something comes before the response.

What a client leaves unread is kept within bounds: notifications beyond them are dropped, the response never.
"""

import asyncio

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

MOST_NOTES = 1024 * 1024
"""Bytes that a client may leave unread; what can be spared is dropped then."""


class Unread:
    """The events that one client has not been sent yet, because it does not read fast enough."""

    __slots__ = ("_bytes", "_events")

    def __init__(self) -> None:
        self._events: list[bytes] = []
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._events)

    def put(self, message: bytes, most_bytes: int) -> bool:
        """Keep a message unless more than so much would wait with it; one alone may be of any length."""
        text = event(message)
        if self._events and self._bytes + len(text) > most_bytes:
            return False
        self._events.append(text)
        self._bytes += len(text)
        return True

    def take(self) -> bytes:
        """All that waits, to be sent now."""
        text = b"".join(self._events)
        self._events, self._bytes = [], 0
        return text


class Reply:
    """Sends one reply; notifications make it a stream where the client takes one, else they are dropped."""

    def __init__(self, send: Send, *, takes_events: bool) -> None:
        self._send = send
        self.takes_events = takes_events
        """Whether the client takes a stream."""
        self._unread = Unread()
        self._writer: asyncio.Task[None] | None = None
        self._is_stream = False

    def notify(self, notification: bytes) -> bool:
        """Pass on a notification unless the client leaves too much unread; never blocks. Whether it does."""
        if not self.takes_events or not self._unread.put(notification, MOST_NOTES):
            return False
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return True

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
        while self._unread:
            await self._send({"type": "http.response.body", "body": self._unread.take(), "more_body": True})


def event(message: bytes) -> bytes:
    """One server-sent event; line breaks in encoded JSON are white space, so they can go."""
    return b"event: message\ndata: %b\n\n" % message.replace(b"\r", b"").replace(b"\n", b"")
