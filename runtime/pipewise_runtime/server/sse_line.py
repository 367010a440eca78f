"""The stream to one client of HTTP+SSE: what is said waits until it can be sent."""

import asyncio
import contextlib

from .asgi import Receive, Send
from .streaming import EVENT_STREAM, MOST_NOTES, Unread

MOST_ANSWERS = 32 * 1024 * 1024
"""Bytes that a client may leave unread; then its stream ends."""
_PING = b": ping\n\n"


class Line:
    """The way to one client.

    Args:
        ping_seconds: how long the stream may be silent.
    """

    def __init__(self, ping_seconds: float) -> None:
        self._ping_seconds = ping_seconds
        self._unread = Unread()
        self._woken = asyncio.Event()
        self._is_over = False

    def say(self, message: bytes) -> None:
        """Send a message; never blocks. A client that does not read loses its session."""
        if not self._unread.put(message, MOST_ANSWERS):
            self._is_over = True
        self._woken.set()

    def note(self, message: bytes) -> bool:
        """Send a message that can be spared where the client leaves too much unread; whether it is sent."""
        is_sent = self._unread.put(message, MOST_NOTES)
        self._woken.set()
        return is_sent

    def end(self) -> None:
        """Send nothing more than was said already."""
        self._is_over = True
        self._woken.set()

    async def run(self, send: Send, receive: Receive, first: bytes) -> None:
        """Send what is said, until the line ends."""
        await send(dict(EVENT_STREAM))
        await send({"type": "http.response.body", "body": first, "more_body": True})
        gone = asyncio.create_task(self._end_when_gone(receive))
        try:
            while self._unread or not self._is_over:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._ping_seconds):
                        await self._woken.wait()
                self._woken.clear()
                text = self._unread.take() or _PING
                await send({"type": "http.response.body", "body": text, "more_body": True})
        finally:
            gone.cancel()

    async def _end_when_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()
