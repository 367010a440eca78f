"""What an upstream of the initialize era asks while a call runs: who answers, and when nobody does."""

import asyncio
import json
from typing import Any

import pytest

from pipewise_runtime.ports import OnRequest, Said
from pipewise_runtime.upstream.session import Request
from support.eventually import eventually
from support.hostile import TOKEN, Exchange, connected


class Asking:
    """An upstream that asks something, and answers once it was told or the test says so."""

    def __init__(self, method: str, answers_on: asyncio.Event | None = None) -> None:
        self.method = method
        self.told: list[dict[str, Any]] = []
        self.was_told = asyncio.Event()
        self.answers_on = answers_on or self.was_told

    async def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        if not exchange.method:
            self.told.append(exchange.message)
            self.was_told.set()
            exchange.refuse(202)
            return
        exchange.begin_events()
        question = {"jsonrpc": "2.0", "id": "q", "method": self.method}
        exchange.chunk(b"data: %b\n\n" % json.dumps(question).encode())
        await exchange.writer.drain()
        await self.answers_on.wait()
        exchange.chunk(b"data: %b\n\n" % exchange.answer())
        exchange.chunk(b"")


async def answer(_method: str, _params: bytes) -> Said:
    return Said(b'{"roots":[]}')


async def refuse(_method: str, _params: bytes) -> Said:
    return Said(error=b'{"code":-1,"message":"no"}')


@pytest.mark.parametrize(
    ("method", "ask", "said"),
    [
        ("ping", None, {"result": {}}),
        ("roots/list", None, {"error": {"code": -32601, "message": "the caller takes no such request"}}),
        ("roots/list", answer, {"result": {"roots": []}}),
        ("roots/list", refuse, {"error": {"code": -1, "message": "no"}}),
    ],
)
async def test_a_question_is_answered_under_its_own_id(
    method: str, ask: OnRequest | None, said: dict[str, Any]
) -> None:
    app = Asking(method)
    async with connected(app) as rig:
        asked = Request("tools/call", b"{}", 5.0, on_request=ask)
        assert b"fine" in (await rig.session.request(asked, TOKEN)).result
    assert app.told == [{"jsonrpc": "2.0", "id": "q", **said}]


async def test_a_caller_is_bothered_no_more_once_the_answer_is_there() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def think(_method: str, _params: bytes) -> Said:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError("nobody thought of anything")

    app = Asking("roots/list", answers_on=asked)
    async with connected(app) as rig:
        request = Request("tools/call", b"{}", 5.0, on_request=think)
        assert b"fine" in (await rig.session.request(request, TOKEN)).result
        await eventually(left.is_set)
    assert app.told == []
