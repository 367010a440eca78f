"""Two things in one moment: an answer and the end of the time, a failure and a caller who leaves."""

import asyncio
import ssl
import time

import pytest

from pipewise_runtime.core.retry import CROWDED
from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.connection import Attempt
from pipewise_runtime.upstream.host import Host
from pipewise_runtime.upstream.leases import Origin
from pipewise_runtime.upstream.reply import NotSentError
from pipewise_runtime.upstream.session import Request
from support.eventually import eventually, rest
from support.hostile import TOKEN, Exchange, Rig, connected, json_reply, properly

TOO_LONG_A_NAME = f"http://{'a' * 70}.b/v3"
"""Only a thread finds out that it cannot be."""


def stand_still(seconds: float) -> None:
    """Let the world go on while the event loop does not, so that it finds several things done at once."""
    time.sleep(seconds)


async def asked(rig: Rig, seconds: float) -> str:
    message = await rig.session.request(Request("tools/call", b"{}", seconds), TOKEN)
    return message.result.decode()


async def test_an_answer_that_is_there_when_the_time_is_up_is_taken() -> None:
    async def at_the_last_moment(exchange: Exchange) -> None:
        exchange.write_json(exchange.answer())
        stand_still(0.2)

    async with connected(at_the_last_moment) as rig:
        assert "fine" in await asked(rig, 0.1)


async def test_who_leaves_in_the_moment_in_which_its_time_is_up_is_not_told() -> None:
    async def silent(_exchange: Exchange) -> None:
        """Say nothing."""

    async with connected(silent) as rig:
        broken: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
        leaving = asyncio.create_task(asked(rig, 0.1))
        await eventually(lambda: "tools/call" in rig.upstream.seen)
        stand_still(0.2)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert broken == []


async def test_who_gets_no_connection_in_time_from_the_others_has_sent_nothing() -> None:
    released = asyncio.Event()

    async def held(exchange: Exchange) -> None:
        await released.wait()
        exchange.write_json(exchange.answer())

    async with connected(held, limit=1) as rig:
        first = asyncio.create_task(asked(rig, 5.0))
        await eventually(lambda: "tools/call" in rig.upstream.seen)
        with pytest.raises(HappenedError) as told:
            await asked(rig, 0.05)
        assert told.value.happened == CROWDED
        released.set()
        assert "fine" in await first
        assert rig.upstream.seen.count("tools/call") == 1


async def test_bytes_that_nobody_asked_for_end_their_connection() -> None:
    async with connected(properly) as rig:
        (writer,) = rig.upstream.writers
        writer.write(json_reply(b"{}"))
        await eventually(lambda: "0 idle" in repr(rig.host.leases))
        assert "fine" in await asked(rig, 5.0)
        assert rig.upstream.connections == 2


async def test_a_host_that_is_used_again_after_all_its_connections_went_keeps_looking_for_idle_ones() -> None:
    async with connected(properly, idle_seconds=0.05) as rig:
        for _ in range(2):
            assert "fine" in await asked(rig, 5.0)
            await eventually(lambda: len(rig.host.leases) == 0)
            await rest(0.2)


@pytest.mark.parametrize("rounds", range(4))
async def test_who_leaves_in_the_moment_in_which_its_connection_fails_leaves_nothing_behind(
    rounds: int,
) -> None:
    host = Host(Origin.of(TOO_LONG_A_NAME), ssl.create_default_context(), limit=2)
    leaving = asyncio.create_task(host.exchange(Attempt(b"never")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stand_still(0.05)  # the name was looked up meanwhile
    for _ in range(rounds):
        await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises((asyncio.CancelledError, NotSentError)):
        await leaving
    await eventually(lambda: "<0 leased, 0 idle, 0 opening, 0 waiting" in repr(host.leases))
    await host.close()


async def test_who_leaves_in_the_moment_of_closing_is_not_told() -> None:
    async with connected(properly, limit=1) as rig:
        held = await rig.host.leases.in_turn(None)
        waiting = [asyncio.create_task(rig.host.leases.in_turn(None)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await rig.host.close()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in told] == [asyncio.CancelledError, NotSentError]
        rig.host.leases.give_back(held)
