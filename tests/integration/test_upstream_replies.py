"""Replies as no server should send them: each comes to one certain end, and nothing is left behind."""

import asyncio
import time

import pytest

from pipewise_runtime.core.retry import FateUnknown, Happened
from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.session import Request
from support.hostile import TOKEN, Behaviour, Exchange, Rig, connected

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
SECONDS = 1.0


async def ask(rig: Rig, seconds: float = SECONDS) -> str:
    """The result of a call, as text."""
    message = await rig.session.request(Request("tools/call", b"{}", seconds), TOKEN)
    return message.result.decode()


async def fate(rig: Rig, seconds: float = SECONDS) -> Happened:
    """What a call came to that was not answered."""
    with pytest.raises(HappenedError) as caught:
        await ask(rig, seconds)
    return caught.value.happened


async def properly(exchange: Exchange) -> None:
    exchange.write_json(exchange.answer())


async def an_endless_body(exchange: Exchange) -> None:
    exchange.write(OK, b"transfer-encoding: chunked\r\n\r\n")
    while True:
        exchange.chunk(b"x" * 1_000_000)
        await exchange.writer.drain()


async def an_endless_line_of_an_event(exchange: Exchange) -> None:
    exchange.begin_events()
    while True:
        exchange.chunk(b"data: " + b"x" * 1_000_000)
        await exchange.writer.drain()


async def endless_headers(exchange: Exchange) -> None:
    exchange.write(OK)
    while True:
        exchange.write(b"x-more: y\r\n" * 1000)
        await exchange.writer.drain()


async def one_endless_header(exchange: Exchange) -> None:
    exchange.write(OK, b"x-more: ")
    while True:
        exchange.write(b"y" * 10_000)
        await exchange.writer.drain()


async def a_content_length_too_short(exchange: Exchange) -> None:
    exchange.write(OK, b"content-length: 10\r\n\r\n", exchange.answer())


async def a_content_length_that_is_none(exchange: Exchange) -> None:
    exchange.write(OK, b"content-length: many\r\n\r\n", exchange.answer())


async def invalid_utf_8(exchange: Exchange) -> None:
    exchange.write_json(exchange.answer("@").replace(b"@", b"\xff\xfe"))


async def an_answer_to_another_id(exchange: Exchange) -> None:
    exchange.identity += 1
    exchange.write_json(exchange.answer())


async def a_protocol_switch(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nxx")


async def no_http_at_all(exchange: Exchange) -> None:
    exchange.write(b"SSH-2.0-OpenSSH_9.6\r\n")


async def a_cut_in_the_headers(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 401 Unauthorized\r\ndate: today\r\n")
    exchange.writer.close()


async def a_cut_in_an_event(exchange: Exchange) -> None:
    exchange.begin_events()
    exchange.chunk(b"data: " + exchange.answer()[:20])
    exchange.writer.close()


async def a_stream_that_ends_without_the_answer(exchange: Exchange) -> None:
    exchange.begin_events()
    exchange.chunk(b'data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n')
    exchange.chunk(b"")


async def an_event_that_is_not_json(exchange: Exchange) -> None:
    exchange.begin_events()
    exchange.chunk(b"data: <html>\n\n")
    exchange.chunk(b"")


@pytest.mark.parametrize(
    "behaviour",
    [
        an_endless_body, an_endless_line_of_an_event, endless_headers, one_endless_header,
        a_content_length_too_short, a_content_length_that_is_none, invalid_utf_8, an_answer_to_another_id,
        a_protocol_switch, no_http_at_all, a_cut_in_the_headers, a_cut_in_an_event,
        a_stream_that_ends_without_the_answer, an_event_that_is_not_json,
    ],
)  # fmt: skip
async def test_what_is_no_reply_leaves_the_fate_unknown_and_the_next_call_works(behaviour: Behaviour) -> None:
    async with connected(behaviour) as rig:
        assert isinstance(await fate(rig, 10.0), FateUnknown)
        rig.upstream.behaviour = properly
        assert "fine" in await ask(rig)


async def a_slow_drip(exchange: Exchange) -> None:
    exchange.write(OK, b"content-length: 1000000\r\n\r\n")
    while True:
        exchange.write(b"x")
        await exchange.writer.drain()
        await asyncio.sleep(0.01)


async def a_content_length_too_long(exchange: Exchange) -> None:
    exchange.write(OK, b"content-length: 100000\r\n\r\n", exchange.answer())


async def silence(_exchange: Exchange) -> None:
    """Take the request, and never say a word."""


async def endless_comments(exchange: Exchange) -> None:
    exchange.begin_events()
    while True:
        exchange.chunk(b": ping\n\n")
        await exchange.writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("behaviour", [a_slow_drip, a_content_length_too_long, silence, endless_comments])
async def test_what_does_not_end_is_given_up_in_time_and_the_upstream_is_told(behaviour: Behaviour) -> None:
    async with connected(behaviour) as rig:
        started = time.monotonic()
        assert isinstance(await fate(rig, 0.3), FateUnknown)
        assert 0.2 < time.monotonic() - started < 1.5
        rig.upstream.behaviour = properly
        assert "fine" in await ask(rig)
    assert "notifications/cancelled" in rig.upstream.seen


async def after_hints(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 103 Early Hints\r\ncontent-type: text/event-stream\r\nlink: x\r\n\r\n")
    exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    exchange.write_json(exchange.answer())


async def up_to_the_end_of_the_connection(exchange: Exchange) -> None:
    exchange.write(OK, b"\r\n", exchange.answer())
    exchange.writer.close()


async def events_up_to_the_end_of_the_connection(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    exchange.write(b"data: ", exchange.answer(), b"\n\n")
    exchange.writer.close()


async def with_connection_close(exchange: Exchange) -> None:
    exchange.write_json(exchange.answer(), b"connection: close")
    exchange.writer.close()


async def large_and_in_one_piece(exchange: Exchange) -> None:
    exchange.write_json(exchange.answer("fine" + "x" * 2_000_000))


async def large_events(exchange: Exchange) -> None:
    exchange.begin_events()
    body = b"data: " + exchange.answer("fine" + "x" * 5_000_000) + b"\n\n"
    for start in range(0, len(body), 4096):
        exchange.chunk(body[start : start + 4096])
    exchange.chunk(b"")


async def primed_events(exchange: Exchange) -> None:
    exchange.begin_events()
    exchange.chunk(b"id: 1\ndata:\n\nevent: ping\ndata: now\n\n")
    exchange.chunk(b"data: " + exchange.answer() + b"\n\n")
    exchange.chunk(b"")


async def byte_by_byte(exchange: Exchange) -> None:
    body = exchange.answer()
    for byte in OK + b"content-length: %d\r\n\r\n" % len(body) + body:
        exchange.write(bytes([byte]))
        await exchange.writer.drain()


async def twice_in_one_stream(exchange: Exchange) -> None:
    exchange.begin_events()
    exchange.chunk(
        b"data: " + exchange.answer() + b"\n\ndata: " + exchange.answer("second") + b"\n\ndata: {\n\n"
    )
    exchange.chunk(b"")


@pytest.mark.parametrize(
    "behaviour",
    [
        after_hints, up_to_the_end_of_the_connection, events_up_to_the_end_of_the_connection,
        with_connection_close, large_and_in_one_piece, large_events, primed_events, byte_by_byte,
        twice_in_one_stream,
    ],
)  # fmt: skip
async def test_an_unusual_reply_is_an_answer_all_the_same(behaviour: Behaviour) -> None:
    async with connected(behaviour) as rig:
        for _ in range(3):
            assert "fine" in await ask(rig, 5.0)


async def test_a_202_with_a_body_leaves_the_connection_usable() -> None:
    async def accepted(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 7\r\n\r\nignored")

    async with connected(accepted) as rig:
        assert isinstance(await fate(rig), FateUnknown)
        rig.upstream.behaviour = properly
        assert "fine" in await ask(rig)
        assert rig.upstream.connections == 1
