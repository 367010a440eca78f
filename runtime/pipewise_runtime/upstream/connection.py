"""One keep-alive HTTP/1.1 connection: one exchange at a time.

Whose turn it is on which connection is decided by `core.ledger` and carried out by `host`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httptools

from .reply import CutOffError, Reply
from .sse import SseParser

LARGEST_REPLY = 32 * 1024 * 1024
"""Bytes of body (or of one event) after which a reply is given up."""

LARGEST_HEAD = 64 * 1024
"""Bytes of reply headers after which a reply is given up."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One request on its way."""

    request: bytes
    on_event: Callable[[bytes], bool] | None = None
    """Takes each event of an event stream; True when it was the last one wanted."""
    sent: bool = False
    """Whether any byte was handed to the operating system."""


class Connection(asyncio.Protocol):
    """An open connection; tells `on_idle` when it can serve again and `on_lost` when it is gone."""

    def __init__(
        self, on_idle: Callable[["Connection"], None], on_lost: Callable[["Connection"], None]
    ) -> None:
        self._on_idle, self._on_lost = on_idle, on_lost
        self._transport: asyncio.Transport
        self._attempt: Attempt | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._head_is_whole = False
        self._events: SseParser | None = None
        self._lost = False

    async def exchange(self, attempt: Attempt) -> Reply:
        """Send the request and wait for its reply; only on a usable connection.

        Raises:
            CutOffError: the connection was lost, or the reply was not HTTP.
        """
        self._attempt, self._parser = attempt, httptools.HttpResponseParser(self)
        self._begin_reply()
        self._waiter = asyncio.get_running_loop().create_future()
        attempt.sent = True
        self._transport.write(attempt.request)
        return await self._waiter

    @property
    def usable(self) -> bool:
        """Whether a request can be written: the other side has not begun to close."""
        return not self._transport.is_closing()

    @property
    def busy(self) -> bool:
        """Whether an exchange has not come to its end on the wire."""
        return self._attempt is not None

    def serves(self, attempt: Attempt) -> bool:
        """Whether this attempt is the one under way."""
        return self._attempt is attempt

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # a stream protocol is given a full transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes nobody asked for end the connection."""
        if self._parser is None:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break("the reply was not HTTP")
        if self.busy and not self._head_is_whole:
            self._size += len(data)
            if self._size > LARGEST_HEAD:
                self._break("the reply's headers are too large")

    def eof_received(self) -> None:
        """Let the transport close."""

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits, and the host."""
        if self._lost:
            return
        self._lost = True
        if self.busy and error is None and self._ends_with_connection():
            self.on_message_complete()
        self._fail("the connection was cut before the reply was complete")
        self._on_lost(self)

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A reply begins; one that nobody asked for ends the connection."""
        if self.busy:
            self._headers = {}
        else:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if self.busy:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Start to read events where the body is an event stream."""
        self._size, self._head_is_whole = 0, True
        media_type = self._headers.get(b"content-type", b"").lower()
        if media_type.startswith(b"text/event-stream") and self._attempt and self._attempt.on_event:
            self._events = SseParser()

    def on_body(self, chunk: bytes) -> None:
        """Collect the body, or hand out the events in it."""
        if self._events is None:
            self._size += len(chunk)
            self._body.append(chunk)
        else:
            self._hand_out(self._events, chunk)
            self._size = self._events.pending()
        if self._size > LARGEST_REPLY:
            self._break("the reply is too large")

    def on_message_complete(self) -> None:
        """The reply is whole: answer, and offer the connection for the next exchange."""
        if self._parser is None:
            return
        if self._status() < 200:  # noqa: PLR2004 - an interim reply such as 103: the real one follows
            self._begin_reply()
            return
        reusable = self._parser.should_keep_alive() and not self._lost
        self._answer()
        self._attempt = self._parser = None
        if not reusable:
            self.abort()
        elif not self._lost:
            self._on_idle(self)

    def _hand_out(self, events: SseParser, chunk: bytes) -> None:
        for event in events.feed(chunk):
            if self._attempt and self._attempt.on_event and self._attempt.on_event(event):
                self._answer()

    def _answer(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(Reply(self._status(), self._headers, b"".join(self._body)))

    def _status(self) -> int:
        return self._parser.get_status_code() if self._parser else 0

    def _begin_reply(self) -> None:
        self._headers, self._body, self._size = {}, [], 0
        self._head_is_whole, self._events = False, None

    def _ends_with_connection(self) -> bool:
        """Whether the reply's length is marked by nothing but the connection's end."""
        return self._head_is_whole and not self._headers.keys() & {b"content-length", b"transfer-encoding"}

    def _break(self, cause: str) -> None:
        self._fail(cause)
        self.abort()

    def _fail(self, cause: str) -> None:
        self._attempt = self._parser = None
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(CutOffError(cause))
