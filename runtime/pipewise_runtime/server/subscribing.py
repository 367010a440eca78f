"""Streams on which clients hear that their list of tools has changed, for as long as they listen.

In 2026-07-28 the reply to subscriptions/listen; in the initialize era the stream of a GET.
"""

import asyncio
import contextlib

import msgspec

from pipewise_runtime.ports import Calls

from .asgi import Receive, Send
from .envelope import Message, result_reply
from .exchange import Exchange
from .streaming import EVENT_STREAM, event

PING_SECONDS = 15.0
"""How long a stream may be silent; proxies and clients close those that are for longer."""

CHANGED = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
"""The encoded word to a client of the initialize era that the list of tools changed."""
_TAGGED = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":%b}}'
_HEARD = (
    b'{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged",'
    b'"params":{"notifications":%b,"_meta":%b}}'
)
_OVER = b'{"resultType":"complete","_meta":%b}'
_META = b'{"io.modelcontextprotocol/subscriptionId":%b}'
_PING = b": ping\n\n"


class _Filter(msgspec.Struct, rename="camel"):
    tools_list_changed: bool | None = None


class _Listen(msgspec.Struct):
    notifications: _Filter = msgspec.field(default_factory=_Filter)


_listen = msgspec.json.Decoder(_Listen)


class Subscriptions:
    """All open streams of this kind."""

    def __init__(self, calls: Calls, ping_seconds: float) -> None:
        self._calls, self._ping_seconds = calls, ping_seconds
        self._streams: set[_Stream] = set()

    def close(self) -> None:
        """End all streams: the program stops."""
        for stream in self._streams:
            stream.end()

    async def listen(self, exchange: Exchange, request: Message) -> None:
        """Answer subscriptions/listen: acknowledge, tell of changes, and say when it is over."""
        identity, is_told = bytes(request.id), wants_tools(request)
        stream = _Stream(event(acknowledged(identity, is_told=is_told)), event(changed_note(identity)))
        await self._run(stream, exchange, is_told=is_told)
        last = event(result_reply(identity, over(identity)))
        await exchange.send({"type": "http.response.body", "body": last})

    async def stand(self, exchange: Exchange) -> None:
        """Answer the GET of a client of the initialize era."""
        await self._run(_Stream(_PING, event(CHANGED)), exchange, is_told=True)
        await exchange.send({"type": "http.response.body", "body": b""})

    async def _run(self, stream: "_Stream", exchange: Exchange, *, is_told: bool) -> None:
        unwatch = self._calls.watch_tools(*exchange.place, stream.change) if is_told else None
        self._streams.add(stream)
        try:
            await stream.run(exchange.send, exchange.receive, self._ping_seconds)
        finally:
            self._streams.discard(stream)
            if unwatch:
                unwatch()


class _Stream:
    """One open stream.

    Args:
        first: the event it begins with.
        changed: the event that tells of a change.
    """

    def __init__(self, first: bytes, changed: bytes) -> None:
        self._first, self._changed = first, changed
        self._woken = asyncio.Event()
        self._has_changed = self._is_over = False

    def change(self) -> None:
        """The tools changed; several changes at once are told once."""
        self._has_changed = True
        self._woken.set()

    def end(self) -> None:
        """Nobody listens, or nothing more will be told."""
        self._is_over = True
        self._woken.set()

    async def run(self, send: Send, receive: Receive, ping_seconds: float) -> None:
        """Tell of changes until the stream ends."""
        await send(dict(EVENT_STREAM))
        await self._write(send, self._first)
        gone = asyncio.create_task(self._end_when_gone(receive))
        try:
            while not self._is_over:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ping_seconds):
                        await self._woken.wait()
                self._woken.clear()
                if not self._is_over:
                    await self._write(send, self._changed if self._has_changed else _PING)
                self._has_changed = False
        finally:
            gone.cancel()

    async def _write(self, send: Send, text: bytes) -> None:
        await send({"type": "http.response.body", "body": text, "more_body": True})

    async def _end_when_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()


def wants_tools(request: Message) -> bool:
    """Whether a subscriptions/listen asks to be told when the list of tools changes."""
    try:
        return bool(_listen.decode(bytes(request.params)).notifications.tools_list_changed)
    except msgspec.DecodeError:
        return False


def acknowledged(identity: bytes, *, is_told: bool) -> bytes:
    """The encoded first message to a subscription: what it will be told."""
    return _HEARD % (b'{"toolsListChanged":true}' if is_told else b"{}", _META % identity)


def over(identity: bytes) -> bytes:
    """The encoded result of a subscription that the program ends."""
    return _OVER % (_META % identity)


def changed_note(identity: bytes) -> bytes:
    """The encoded word to a subscription that the list of tools changed."""
    return _TAGGED % (_META % identity)
