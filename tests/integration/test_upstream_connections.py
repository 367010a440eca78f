"""Connections that close, linger or are fought over: what was sent is known, and nothing leaks."""

import asyncio
import socket
import ssl
import struct
import time
from contextlib import suppress

import pytest

from pipewise_runtime.core.retry import FateUnknown, Happened, NotSent
from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.connection import Attempt
from pipewise_runtime.upstream.host import DRAIN_SECONDS, Host
from pipewise_runtime.upstream.leases import Origin
from pipewise_runtime.upstream.reply import NotSentError
from pipewise_runtime.upstream.session import Request, Session
from support.eventually import eventually
from support.hostile import TOKEN, Exchange, Rig, connected, json_reply, properly
from support.listening import free_port


async def ask(rig: Rig, seconds: float = 5.0) -> str:
    """The result of a call, as text."""
    message = await rig.session.request(Request("tools/call", b"{}", seconds), TOKEN)
    return message.result.decode()


async def fate(rig: Rig, seconds: float = 5.0) -> Happened:
    """What a call came to that was not answered."""
    with pytest.raises(HappenedError) as caught:
        await ask(rig, seconds)
    return caught.value.happened


async def test_calls_one_after_the_other_share_a_connection() -> None:
    async with connected(properly) as rig:
        for _ in range(20):
            await ask(rig)
        assert rig.upstream.connections == 1


async def test_an_idle_connection_the_server_closed_is_replaced_and_nobody_notices() -> None:
    async with connected(properly) as rig:
        await rig.upstream.close_all()
        await eventually(lambda: "0 idle" in repr(rig.host.leases))
        assert "fine" in await ask(rig)
        assert rig.upstream.connections == 2


async def test_a_connection_found_closing_when_leased_is_replaced() -> None:
    async with connected(properly) as rig:
        connection = rig.host.leases.at_once()
        assert connection
        connection.abort()  # the loss itself is told in the loop's next round only
        assert "fine" in await ask(rig)
        assert rig.upstream.connections == 2


async def test_a_connection_closed_just_after_our_write_leaves_the_fate_unknown() -> None:
    async def close(exchange: Exchange) -> None:
        exchange.writer.close()

    async with connected(close) as rig:
        assert isinstance(await fate(rig), FateUnknown)


async def test_a_connection_reset_in_a_body_without_length_is_no_whole_reply() -> None:
    async def reset(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 401 Unauthorized\r\n\r\nhal")
        await exchange.writer.drain()
        exchange.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        exchange.writer.transport.abort()

    async with connected(reset) as rig:
        assert isinstance(await fate(rig), FateUnknown)


async def test_a_second_reply_in_the_same_packet_is_nobodys() -> None:
    async def twice(exchange: Exchange) -> None:
        exchange.write(json_reply(exchange.answer()), json_reply(exchange.answer("second")))

    async with connected(twice, limit=1) as rig:
        results = await asyncio.gather(*(ask(rig) for _ in range(5)))
        assert all("fine" in result for result in results)
        assert rig.upstream.connections == 5  # each one was given up after its first reply


async def test_a_reply_gone_astray_answers_nobody_elses_call() -> None:
    async def late(exchange: Exchange) -> None:
        exchange.write_json(exchange.answer("mine"))
        exchange.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
        await exchange.writer.drain()
        exchange.identity += 1
        body = exchange.answer("of another user")
        exchange.write(b"content-length: %d\r\n\r\n" % len(body), body)

    async with connected(late, limit=1) as rig:
        other = Session(rig.session.key, rig.host)
        await other.initialize(TOKEN)
        for session in (rig.session, other) * 3:
            with suppress(HappenedError):
                message = await session.request(Request("tools/call", b"{}", 1.0), TOKEN)
                assert b"mine" in message.result


async def test_a_reply_after_the_caller_left_reaches_nobody() -> None:
    released = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await released.wait()
        exchange.write_json(exchange.answer("late"))

    async with connected(held, limit=1) as rig:
        call = asyncio.create_task(ask(rig))
        await eventually(lambda: "tools/call" in rig.upstream.seen)
        call.cancel()
        await eventually(lambda: "notifications/cancelled" in rig.upstream.seen)
        released.set()
        rig.upstream.behaviour = properly
        assert "fine" in await ask(rig)


async def test_a_stream_left_open_after_the_answer_is_given_up_after_a_moment() -> None:
    async def open_end(exchange: Exchange) -> None:
        exchange.begin_events()
        exchange.chunk(b"data: " + exchange.answer() + b"\n\n")
        while True:
            exchange.chunk(b": still here\n\n")
            await exchange.writer.drain()
            await asyncio.sleep(0.02)

    async with connected(open_end) as rig:
        started = time.monotonic()
        assert "fine" in await ask(rig)
        assert time.monotonic() - started < DRAIN_SECONDS / 2
        assert "<1 leased" in repr(rig.host.leases)
        await eventually(lambda: "<0 leased, 0 idle" in repr(rig.host.leases), within=DRAIN_SECONDS + 1)


async def test_a_stream_that_ends_soon_after_the_answer_keeps_its_connection() -> None:
    async def soon(exchange: Exchange) -> None:
        exchange.begin_events()
        exchange.chunk(b"data: " + exchange.answer() + b"\n\n")
        await exchange.writer.drain()
        await asyncio.sleep(0.05)
        exchange.chunk(b"")

    async with connected(soon) as rig:
        for _ in range(3):
            assert "fine" in await ask(rig)
            await eventually(lambda: "1 idle" in repr(rig.host.leases))
        assert rig.upstream.connections == 1


async def test_many_callers_share_few_connections_and_all_are_answered() -> None:
    async with connected(properly, limit=4) as rig:
        results = await asyncio.gather(*(ask(rig) for _ in range(50)))
        assert all("fine" in result for result in results)
        assert rig.upstream.connections <= 4


async def test_callers_that_leave_while_others_wait_take_no_connection_with_them() -> None:
    async def slowly(exchange: Exchange) -> None:
        await asyncio.sleep(0.005)
        exchange.write_json(exchange.answer())

    async with connected(slowly, limit=2) as rig:
        calls = [asyncio.create_task(ask(rig)) for _ in range(60)]
        await eventually(lambda: "tools/call" in rig.upstream.seen)
        for call in calls[::2]:
            call.cancel()
            await asyncio.sleep(0)
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(result, str) for result in results) >= 30
        assert not [result for result in results if isinstance(result, HappenedError)]


async def test_a_caller_cancelled_in_the_moment_a_connection_comes_back_does_not_keep_it() -> None:
    async with connected(properly, limit=1) as rig:
        held = await rig.host.leases.in_turn(None)
        waiting = asyncio.create_task(rig.host.leases.in_turn(None))
        await asyncio.sleep(0)
        waiting.cancel()
        rig.host.leases.give_back(held)  # before the cancelled task has come round
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert "<0 leased, 1 idle" in repr(rig.host.leases)
        granted = asyncio.create_task(rig.host.leases.in_turn(None))
        await asyncio.sleep(0)
        second = asyncio.create_task(rig.host.leases.in_turn(None))
        await asyncio.sleep(0)
        rig.host.leases.give_back(await granted)
        second.cancel()  # granted already, and not yet told
        with pytest.raises(asyncio.CancelledError):
            await second
        assert "<0 leased, 1 idle" in repr(rig.host.leases)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/v3", "http://no-such-host.invalid/v3", f"http://{'a' * 70}.b/v3"]
)
async def test_what_cannot_be_connected_to_fails_all_callers_with_nothing_sent(url: str) -> None:
    host = Host(Origin.of(url.format(port=free_port())), ssl.create_default_context(), limit=2)
    attempts = [Attempt(b"never") for _ in range(7)]
    results = await asyncio.gather(*(host.exchange(each) for each in attempts), return_exceptions=True)
    assert all(isinstance(result, NotSentError) for result in results)
    assert not any(each.sent for each in attempts)
    assert "<0 leased, 0 idle, 0 opening, 0 waiting" in repr(host.leases)
    await host.close()


async def test_closing_fails_whoever_waits_and_whoever_comes() -> None:
    async with connected(properly, limit=1) as rig:
        await rig.host.leases.in_turn(None)
        waiting = asyncio.create_task(rig.host.leases.in_turn(None))
        await asyncio.sleep(0)
        await rig.host.close()
        with pytest.raises(NotSentError):
            await waiting
        assert isinstance(await fate(rig), NotSent)


async def test_connections_idle_for_long_are_closed_by_us_before_the_server_does() -> None:
    async with connected(properly, idle_seconds=0.2) as rig:
        await asyncio.gather(*(ask(rig) for _ in range(4)))
        await eventually(lambda: "<0 leased, 0 idle" in repr(rig.host.leases), within=2)
        assert "fine" in await ask(rig)
