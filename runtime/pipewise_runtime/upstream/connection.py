"""One keep-alive HTTP/1.1 connection: one exchange at a time.

Whose turn it is on which connection is decided by `core.ledger` and carried out by `host`.
"""

import asyncio
from collections.abc import Callable

import httptools
import msgspec

from .reply import CutOffError, Reply, TimedOutError
from .sse import SseParser

LARGEST_REPLY = 32 * 1024 * 1024
"""Bytes of body (or of one event) after which a reply is given up."""

LARGEST_HEAD = 64 * 1024
"""Bytes of reply headers after which a reply is given up."""


class Attempt(msgspec.Struct, eq=False):
    """One request on its way."""

    request: bytes
    on_event: Callable[[bytes], bool] | None = None
    """Takes each event of an event stream; True when it was the last one wanted."""
    seconds: float | None = None
    """How long it may take from now on; None where its stream has no end."""
    sent: bool = False
    """Whether any byte was handed to the operating system."""
    last_id: bytes = b""
    """Of the last event that had one: from where its stream can be resumed."""
    retry_seconds: float = 1.0
    """After how long."""


class Connection(asyncio.Protocol):
    """An open connection; tells `on_idle` when it can serve again and `on_lost` when it is gone."""

    def __init__(
        self, on_idle: Callable[["Connection"], None], on_lost: Callable[["Connection"], None]
    ) -> None:
        self._on_idle, self._on_lost = on_idle, on_lost
        self._transport: asyncio.Transport
        self._attempt: Attempt | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._head_is_whole = False
        self._events: SseParser | None = None
        self._lost = False

    def begin(self, attempt: Attempt) -> asyncio.Future[Reply]:
        """Send the request; its reply is waited for, or why there is none. Only on a usable connection.

        The future's errors:
            CutOffError: the connection was lost, the reply was not HTTP, or it did not come in time.
        """
        self._attempt = attempt
        self._begin_reply()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Reply] = loop.create_future()
        self._waiter = waiter
        if attempt.seconds:  # a plain timer: asyncio.timeout would cost more than all the rest here
            self._timer = loop.call_later(attempt.seconds, self._time_out, attempt.seconds)
        attempt.sent = True
        self._transport.write(attempt.request)
        return waiter

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
        if not self.busy:
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
        if not self.busy:
            return  # given up within the bytes that are being read
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
        if not self.busy:
            return
        if self._status() < 200:  # noqa: PLR2004 - an interim reply such as 103: the real one follows
            self._begin_reply()
            return
        reusable = self._parser.should_keep_alive() and not self._lost
        self._answer()
        self._attempt = None
        if not reusable:
            self.abort()
        else:
            self._on_idle(self)

    def _hand_out(self, events: SseParser, chunk: bytes) -> None:
        messages = events.feed(chunk)
        if self._attempt and events.last_id:
            self._attempt.last_id = events.last_id
        if self._attempt and events.retry_seconds is not None:
            self._attempt.retry_seconds = events.retry_seconds
        for event in messages:
            if self._attempt and self._attempt.on_event and self._attempt.on_event(event):
                self._answer()

    def _answer(self) -> None:
        self._stop_timer()
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(Reply(self._status(), self._headers, b"".join(self._body)))

    def _status(self) -> int:
        status: int = self._parser.get_status_code()
        return status

    def _begin_reply(self) -> None:
        self._headers, self._body, self._size = {}, [], 0
        self._head_is_whole, self._events = False, None

    def _ends_with_connection(self) -> bool:
        """Whether the reply's length is marked by nothing but the connection's end."""
        return self._head_is_whole and not self._headers.keys() & {b"content-length", b"transfer-encoding"}

    def _break(self, cause: str) -> None:
        if self._attempt:
            self._attempt.last_id = b""  # coming back would bring the same again
        self._fail(cause)
        self.abort()

    def _fail(self, cause: str) -> None:
        self._attempt = None
        self._stop_timer()
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(CutOffError(cause))

    def _time_out(self, seconds: float) -> None:
        self._timer = None
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(TimedOutError(f"no answer came in {seconds:.1f} s"))

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
