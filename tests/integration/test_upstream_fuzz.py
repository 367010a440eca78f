"""Upstream replies cut and damaged at random: each call comes to one end, and nothing is left."""

import asyncio
import json
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.session import Request
from support.hostile import TOKEN, Exchange, Rig, connected, json_reply
from support.raw_http import pieces

SECONDS = 0.5
CUTS = st.lists(st.integers(0, 500), max_size=8)
TEXTS = st.text(max_size=40)


Form = Callable[[bytes], bytes]


def in_json(body: bytes) -> bytes:
    return json_reply(body)


def in_events(body: bytes) -> bytes:
    note = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}'
    events = b"".join(b"event: message\r\ndata: %b\r\n\r\n" % each for each in (note, body))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(events), events)


FORMS = st.sampled_from([in_json, in_events])


async def call(rig: Rig) -> str:
    """The text of the result, or what happened instead."""
    try:
        answer = await rig.session.request(Request("tools/call", b"{}", SECONDS), TOKEN)
    except HappenedError as error:
        return type(error.happened).__name__
    return answer.result.decode()


@settings(max_examples=40)
@given(TEXTS, FORMS, CUTS)
def test_however_a_reply_is_cut_it_is_read_alike(text: str, form: Form, places: list[int]) -> None:
    async def answer(exchange: Exchange) -> None:
        for piece in pieces(form(exchange.answer(text)), places):
            exchange.write(piece)
            await exchange.writer.drain()
            await asyncio.sleep(0)

    async def said() -> list[str]:
        async with connected(answer) as rig:
            return [await call(rig) for _ in range(2)]

    for result in asyncio.run(said()):
        assert json.loads(result)["content"][0]["text"] == text


DAMAGES = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 4), st.binary(max_size=6)), min_size=1, max_size=4
)
KNOWN = {"FateUnknown", "Forbidden", "NotSent", "Refused", "SessionLost", "Throttled", "TokenRejected"}


def damaged(reply: bytes, damages: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The reply with some bytes taken out and others put in."""
    for place, count, instead in damages:
        reply = reply[:place] + instead + reply[place + count :]
    return reply


@settings(max_examples=60)
@given(FORMS, DAMAGES)
def test_a_damaged_reply_comes_to_one_known_end(form: Form, damages: list[tuple[int, int, bytes]]) -> None:
    async def answer(exchange: Exchange) -> None:
        exchange.write(damaged(form(exchange.answer()), damages))
        await exchange.writer.drain()
        exchange.writer.close()

    async def said() -> str:
        async with connected(answer) as rig:
            return await asyncio.wait_for(call(rig), SECONDS * 10)

    end = asyncio.run(said())
    assert end in KNOWN or isinstance(json.loads(end), dict)
