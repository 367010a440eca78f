"""Event streams that end before the answer: the rest is asked for, and the request is never sent again."""

import json
from collections.abc import Awaitable, Callable

import pytest

from pipewise_runtime.core.retry import FateUnknown, Happened
from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.session import Request
from support.eventually import eventually
from support.hostile import TOKEN, Exchange, Rig, connected

Step = Callable[[Exchange, bytes], Awaitable[None] | None]
"""What the upstream does on a stream, given the answer to the call."""


def first(exchange: Exchange, _answer: bytes, retry: int = 20) -> None:
    """Open a stream, name an event, and end it."""
    exchange.begin_events()
    exchange.chunk(b"id: e/1\nretry: %d\ndata:\n\n" % retry)
    exchange.chunk(b"")


def more(exchange: Exchange, _answer: bytes) -> None:
    """Name a later event, which is no answer, and end the stream."""
    exchange.begin_events()
    exchange.chunk(b'id: e/2\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n')
    exchange.chunk(b"")


def nothing(exchange: Exchange, _answer: bytes) -> None:
    """End a stream without an event."""
    exchange.begin_events()
    exchange.chunk(b"")


def last(exchange: Exchange, answer: bytes) -> None:
    """Answer the call."""
    exchange.begin_events()
    exchange.chunk(b"id: e/9\ndata: %b\n\n" % answer)
    exchange.chunk(b"")


def cut(exchange: Exchange, _answer: bytes) -> None:
    """Name an event and cut the connection."""
    exchange.begin_events()
    exchange.chunk(b"id: e/3\nretry: 20\ndata:\n\n")
    exchange.writer.close()


def gone(exchange: Exchange, _answer: bytes) -> None:
    """Close the connection at once."""
    exchange.writer.close()


def spoilt(exchange: Exchange, _answer: bytes) -> None:
    """Name an event and go on with what is no HTTP."""
    exchange.begin_events()
    exchange.chunk(b"id: e/1\nretry: 20\ndata:\n\n")
    exchange.write(b"oops\r\n")


def refusing(status: int) -> Step:
    """Have nothing to come back for."""
    return lambda exchange, _: exchange.refuse(status)


class Polled:
    """An upstream that does one step after the other, the first for the call and the others for each GET."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.calls = 0
        self.came_back_for: list[bytes] = []
        self._answer = b""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.method == "GET":
            lines = exchange.head.split(b"\r\n")
            self.came_back_for += [
                line.partition(b": ")[2] for line in lines if line.startswith(b"last-event-id: ")
            ]
        else:
            self.calls += 1
            self._answer = exchange.answer()
        self.steps.pop(0)(exchange, self._answer)


async def ask(rig: Rig, seconds: float = 10.0) -> str:
    """The text of the answer to a call."""
    answer = await rig.session.request(Request("tools/call", b"{}", seconds), TOKEN)
    text: str = json.loads(answer.result)["content"][0]["text"]
    return text


async def fate(rig: Rig, seconds: float = 10.0) -> Happened:
    """What a call came to that was not answered."""
    with pytest.raises(HappenedError) as told:
        await ask(rig, seconds)
    return told.value.happened


@pytest.mark.parametrize(
    ("steps", "came_back_for"),
    [
        ([first, last], [b"e/1"]),
        ([first, more, last], [b"e/1", b"e/2"]),
        ([first, nothing, more, last], [b"e/1", b"e/1", b"e/2"]),
        ([cut, gone, last], [b"e/3", b"e/3"]),
    ],
)
async def test_an_answer_is_heard_out_on_as_many_streams_as_it_takes(
    steps: list[Step], came_back_for: list[bytes]
) -> None:
    app = Polled(*steps)
    async with connected(app) as rig:
        assert await ask(rig) == "fine"
    assert (app.calls, app.came_back_for) == (1, came_back_for)


@pytest.mark.parametrize("status", [401, 404, 405, 429, 500])
async def test_where_the_rest_is_not_had_the_fate_of_the_request_is_unknown(status: int) -> None:
    app = Polled(first, refusing(status))
    async with connected(app) as rig:
        assert await fate(rig) == FateUnknown(
            f"the stream ended before the answer; the rest met status {status}"
        )
    assert (app.calls, app.came_back_for) == (1, [b"e/1"])


async def test_what_is_no_http_is_not_come_back_for() -> None:
    app = Polled(spoilt)
    async with connected(app) as rig:
        assert await fate(rig) == FateUnknown("the reply was not HTTP")
    assert (app.calls, app.came_back_for) == (1, [])


async def test_nobody_comes_back_after_the_deadline_and_the_upstream_is_told_that() -> None:
    app = Polled(lambda exchange, answer: first(exchange, answer, retry=60_000))
    async with connected(app) as rig:
        assert isinstance(await fate(rig), FateUnknown)
        assert app.came_back_for == []
        await eventually(lambda: "notifications/cancelled" in rig.upstream.seen)


async def test_a_stream_without_ids_is_not_come_back_for() -> None:
    app = Polled(nothing)
    async with connected(app) as rig:
        assert await fate(rig) == FateUnknown("the reply does not answer the request")
    assert (app.calls, app.came_back_for) == (1, [])
