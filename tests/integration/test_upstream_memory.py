"""What an upstream that never stops talking may cost in memory: one largest reply, whatever it says."""

import tracemalloc

import pytest

from pipewise_runtime.core.retry import FateUnknown
from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.connection import LARGEST_REPLY
from pipewise_runtime.upstream.session import Request
from support.hostile import TOKEN, Behaviour, Exchange, connected

MEGABYTE = 1024 * 1024
NOTE = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"%b"}}\n\n'


async def an_endless_body(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    await _for_ever(exchange, b"x" * MEGABYTE)


async def an_endless_line_of_an_event(exchange: Exchange) -> None:
    exchange.begin_events()
    await _for_ever(exchange, b"data: " + b"x" * MEGABYTE)


async def endless_notifications(exchange: Exchange) -> None:
    exchange.begin_events()
    await _for_ever(exchange, NOTE % (b"x" * MEGABYTE))


async def _for_ever(exchange: Exchange, data: bytes) -> None:
    while True:
        exchange.chunk(data)
        await exchange.writer.drain()


@pytest.mark.parametrize("behaviour", [an_endless_body, an_endless_line_of_an_event, endless_notifications])
async def test_an_upstream_that_never_stops_costs_no_more_than_the_largest_reply(
    behaviour: Behaviour,
) -> None:
    async with connected(behaviour) as rig:
        tracemalloc.start()
        try:
            with pytest.raises(HappenedError) as caught:
                await rig.session.request(Request("tools/call", b"{}", 3.0), TOKEN)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert isinstance(caught.value.happened, FateUnknown)
    assert peak < LARGEST_REPLY + 16 * MEGABYTE, f"{peak / MEGABYTE:.0f} MB"
