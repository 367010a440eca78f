"""One connection of a client: requests are read off it, answered one after the other, and it stays open."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

import httptools

from .cycle import Cycle
from .responses import closing

MOST_HEAD_BYTES = 64 * 1024
"""Longest request head that is read, not counting the piece that it begins in."""

_FRAMING = (b"content-length", b"transfer-encoding")
_ASGI = {"version": "3.0", "spec_version": "2.3"}


class Keeper(Protocol):
    """The server, as its connections use it."""

    def joined(self, connection: "Connection") -> None:
        """A client connected."""

    def left(self, connection: "Connection") -> None:
        """A connection is gone."""

    def start_cycle(self, cycle: Cycle) -> None:
        """Have a request answered."""

    def ended(self, cycle: Cycle) -> None:
        """A request was answered."""


class Connection(asyncio.Protocol):
    """The HTTP/1.1 side of a client; see `Line` for what its cycles see of it."""

    def __init__(self, keeper: Keeper, clock: Callable[[], float]) -> None:
        self.idle_since: float | None = clock()
        """Since when no request is under way."""
        self._keeper, self._clock = keeper, clock
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._cycles: deque[Cycle] = deque()
        """Requests not answered yet, in their order; only the first is under way."""
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._is_in_head = self._awaits_word = self._is_resumed = self._is_paused = self._is_deaf = False
        self._writable: asyncio.Future[None] | None = None
        """Where those wait who would write more than the client reads."""

    def close(self) -> None:
        """End the connection once all is sent that was written."""
        self._is_deaf = True
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # a stream protocol is given a full transport
        self._keeper.joined(self)

    def data_received(self, data: bytes) -> None:
        """Read requests off it."""
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay_with_http(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._break(error.__context__)
        else:
            if self._is_in_head and self._head_bytes > MOST_HEAD_BYTES:
                self._break(_RefusedError(431, f"the head is longer than {MOST_HEAD_BYTES} bytes"))

    def eof_received(self) -> None:
        """Let the transport close."""

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell whoever reads or writes."""
        self._is_deaf = True
        self.resume_writing()
        for cycle in self._cycles:
            cycle.lose()
        self._keeper.left(self)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The client has read enough."""
        writable, self._writable = self._writable, None
        if writable and not writable.done():
            writable.set_result(None)

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._is_resumed:
            return
        self._target, self._headers = b"", []
        self._is_in_head, self._head_bytes, self._awaits_word = True, 0, False

    def on_url(self, part: bytes) -> None:
        """Collect the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        name = name.lower()
        self._headers.append((name, value))
        if name == b"expect":
            self._awaits_word = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """The head is whole: have the request answered, after those before it."""
        if self._is_resumed:
            self._is_resumed = False
            return
        self._is_in_head, parser = False, self._parser
        version = parser.get_http_version()
        is_1_1 = version == "1.1"
        cycle = Cycle(
            self,
            self._scope(parser.get_method().decode(), version),
            keep_alive=is_1_1 and parser.should_keep_alive(),
            takes_chunks=is_1_1,
            awaits_word=self._awaits_word,
        )
        self.idle_since = None
        self._cycles.append(cycle)
        if len(self._cycles) == 1:
            self._keeper.start_cycle(cycle)
        else:
            self.take_more(more=False)

    def on_body(self, data: bytes) -> None:
        """Hand on a part of the body."""
        self._cycles[-1].feed(data)

    def on_message_complete(self) -> None:
        """The request is whole, unless what it is about follows still."""
        if self._parser.should_upgrade():
            return
        self._cycles[-1].end_body()
        self._go_on()

    # Line

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._transport.write(data)

    async def flushed(self) -> None:
        """Wait as long as the client reads too slowly."""
        if self._writable:
            await asyncio.shield(self._writable)

    def take_more(self, *, more: bool) -> None:
        """Read on, unless a request waits for its turn already, or rest for now."""
        if more == self._is_paused and not (more and len(self._cycles) > 1):
            self._is_paused = not more
            (self._transport.resume_reading if more else self._transport.pause_reading)()

    def answered(self, cycle: Cycle) -> None:
        """The application is done with the request."""
        self._keeper.ended(cycle)
        if not cycle.keep_alive:
            self.close()
        elif cycle.whole:
            self._go_on()
        else:  # nobody wants the rest of its body, which has to come all the same
            self.idle_since = self._clock()
            self.take_more(more=True)

    def _go_on(self) -> None:
        """Turn to the next request when the first is both whole and answered."""
        cycles = self._cycles
        if not (cycles and cycles[0].whole and cycles[0].done) or self._is_deaf:
            return
        cycles.popleft()
        self.take_more(more=True)
        if cycles:
            self._keeper.start_cycle(cycles[0])
        else:
            self.idle_since = self._clock()

    def _scope(self, method: str, version: str) -> dict[str, Any]:
        if not self._target.startswith(b"/"):
            raise _RefusedError(400, "the request's target must be a path")
        raw_path, _, query = self._target.partition(b"?")
        path = (unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path).decode(errors="replace")
        return {
            "type": "http", "asgi": _ASGI, "http_version": version, "method": method, "scheme": "http",
            "path": path, "raw_path": raw_path, "query_string": query, "headers": self._headers,
        }  # fmt: skip

    def _stay_with_http(self, rest: bytes) -> None:
        """Answer a request that would like another protocol, such as h2c, in this one.

        The parser takes its body for that protocol, so another parser reads it, behind a head of its own.
        """
        framing = [header for header in self._headers if header[0] in _FRAMING]
        lines = b"".join(b"%b: %b\r\n" % header for header in framing)
        self._parser, self._is_resumed = httptools.HttpRequestParser(self), True
        self.data_received(b"POST / HTTP/1.1\r\n%b\r\n" % lines)
        self.data_received(rest)

    def _break(self, error: BaseException | None) -> None:
        """Say that nothing can be made of what came, unless an answer is under way, and end."""
        refused = error if isinstance(error, _RefusedError) else _RefusedError(400, "this is not HTTP/1.1")
        if not any(cycle.begun for cycle in self._cycles):
            self.write(closing(refused.status, f"{refused}\n".encode()))
        self.close()


class _RefusedError(Exception):
    """A request is refused by its head."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
