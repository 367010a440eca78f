"""One request and its response: what an ASGI application receives and sends.

Made by `connection`, which feeds it the body and carries what it sends.
"""

import asyncio
from typing import Protocol

import structlog

from pipewise_runtime.server.asgi import App, Event, Headers, Scope

from .responses import CONTINUE, LAST_CHUNK, chunk, head

log = structlog.get_logger()

_READ_AHEAD = 256 * 1024
"""Bytes of a body that are taken before the application asks for them."""

_COPIED = 16 * 1024
"""Bytes of a body up to which it is copied behind its head, which costs less than to write twice."""

_DISCONNECT: Event = {"type": "http.disconnect"}


class Line(Protocol):
    """The connection, as its cycles use it."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    async def flushed(self) -> None:
        """Wait as long as the client reads too slowly."""

    def take_more(self, *, more: bool) -> None:
        """Read on, or rest for now."""

    def answered(self, cycle: "Cycle") -> None:
        """The application is done with the request."""


class Cycle:
    """One request and its response.

    Args:
        line: the connection it came on.
        scope: the request's head.
        keep_alive: whether the client wants to send more on the connection.
        takes_chunks: whether a body of unknown length can be sent in chunks.
        awaits_word: whether the client sends the body only once it is told to.
    """

    __slots__ = (
        "_awaits_word", "_body", "_chunked", "_has_ended", "_headers", "_is_head", "_line", "_news",
        "_status", "_takes_chunks", "begun", "done", "gone", "keep_alive", "scope", "task", "whole",
    )  # fmt: skip

    def __init__(
        self, line: Line, scope: Scope, *, keep_alive: bool, takes_chunks: bool, awaits_word: bool
    ) -> None:
        self.scope = scope
        self.task: asyncio.Task[None] | None = None
        self.keep_alive = keep_alive
        self.whole = self.gone = self.begun = self.done = False
        self._line, self._takes_chunks, self._awaits_word = line, takes_chunks, awaits_word
        self._body = b""
        self._has_ended = self._chunked = False
        self._is_head = scope["method"] == "HEAD"
        self._news: asyncio.Future[None] | None = None
        self._status = 500
        self._headers: Headers = ()

    # the connection's side

    def feed(self, data: bytes) -> None:
        """More of the body has come."""
        if self.done:
            return
        self._body = self._body + data if self._body else data
        if len(self._body) > _READ_AHEAD:
            self._line.take_more(more=False)
        self._wake()

    def end_body(self) -> None:
        """The body is whole."""
        self.whole = True
        self._wake()

    def lose(self) -> None:
        """The client is gone."""
        self.gone = True
        self._wake()

    async def run(self, app: App) -> None:
        """Have the application answer; a request that it fails to answer is answered with status 500."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("request_failed", method=self.scope["method"])
        if not self.done:
            self.keep_alive = False  # also where a response was begun: its end is nowhere
            if not (self.begun or self.gone):
                self._status, self._headers = 500, ()
                self._begin(b"", is_last=True)
            self.done = True
        self._line.answered(self)

    # the application's side

    async def receive(self) -> Event:
        """What of the body has come since the last time; once it was whole, that the client is gone."""
        if self._awaits_word and not self._body:
            self._awaits_word = False
            self._line.write(CONTINUE)
        while not (self.gone or self.done):
            if not self._has_ended and (self._body or self.whole):
                body, self._body, self._has_ended = self._body, b"", self.whole
                self._line.take_more(more=True)
                return {"type": "http.request", "body": body, "more_body": not self.whole}
            if self._news is None or self._news.done():
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._news)  # several may wait, and leave: the calls of a batch do
        return _DISCONNECT

    async def send(self, message: Event) -> None:
        """Begin the response, or send some of its body; nothing is sent to a client that is gone."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            return
        body: bytes = message["body"]
        is_last = not message.get("more_body", False)
        if self.gone:
            self.done = is_last
            return
        if self.begun:
            self._line.write(self._framed(body, is_last=is_last))
        else:
            self._begin(body, is_last=is_last)
        self.done = is_last
        if not is_last:
            await self._line.flushed()

    def _begin(self, body: bytes, *, is_last: bool) -> None:
        """Send the head and the first of the body at once."""
        self.begun = True
        headers = [*self._headers]
        names = [name for name, _ in headers]
        if b"content-length" not in names:
            headers += self._framing(len(body), is_last=is_last)
        if b"connection" in names:
            self.keep_alive = False  # the only thing that applications say of it is that it must end
        elif not self.keep_alive:
            headers.append((b"connection", b"close"))
        start, body = head(self._status, headers), self._framed(body, is_last=is_last)
        if len(body) > _COPIED:
            self._line.write(start)
            self._line.write(body)
        else:
            self._line.write(start + body)

    def _framing(self, length: int, *, is_last: bool) -> Headers:
        """The header that says where the body ends; none where it ends with the connection."""
        if is_last:
            return ((b"content-length", b"%d" % length),)
        if self._takes_chunks:
            self._chunked = True
            return ((b"transfer-encoding", b"chunked"),)
        self.keep_alive = False
        return ()

    def _framed(self, body: bytes, *, is_last: bool) -> bytes:
        if self._is_head:
            return b""
        if not self._chunked:
            return body
        return (chunk(body) if body else b"") + (LAST_CHUNK if is_last else b"")

    def _wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)
