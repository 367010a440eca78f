"""Calls that are under way when the runtime's time is up: answered with what is known of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from pipewise_crds import Resilience
from pipewise_runtime.ports import UpstreamFaultError
from support.engine import MAIL, SEND, Rig, binding, problem, running_engine, service, text
from support.eventually import eventually
from support.hostile import Exchange
from support.probed import probed
from support.sandbox import sandbox
from support.serving import PATH, call, post, served

SLOW = Resilience.model_validate({"baseDelay": "8s", "maxDelay": "8s"})
PATIENT = replace(service(), timeout_seconds=60.0)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream, most_in_flight=1) as running:
        await running.serve(binding(PATIENT, resilience=SLOW))
        yield running


def told(outcome: str, attempts: int = 1) -> dict[str, Any]:
    """What a program reads of a call that was cut short."""
    return {
        "service": "sendgrid", "reason": "RuntimeUnavailable", "outcome": outcome, "attempts": attempts,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["mcp", "sse"])
async def test_a_write_that_was_sent_is_answered_as_unknown_and_taken_back(rig: Rig, path: str) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call")
    async with AsyncExitStack() as running, httpx2.AsyncClient(timeout=10) as http, asyncio.timeout(30):
        stopping = served(rig.engine, drain_seconds=0.05, cut_short=rig.engine.cut_short)
        http.base_url = await running.enter_async_context(stopping)
        if path == "sse":
            asked = asyncio.create_task(_asked_on_a_stream(http))
        else:
            asked = asyncio.create_task(_asked(http))
        await eventually(lambda: rig.metric("upstream_requests") == 1)
        assert rig.engine.calls == 1
        await running.aclose()
        result = (await asked)["result"]
    assert problem(result) == told("unknown")
    assert text(result).endswith("no se sabe si la acción se realizó")
    await eventually(lambda: _taken_back(rig))
    assert rig.engine.calls == 0


async def test_a_read_that_was_sent_has_failed(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call")
    reading = asyncio.create_task(rig.read())
    await eventually(lambda: rig.metric("upstream_requests") == 1)
    rig.engine.cut_short()
    assert problem(await reading) == told("failed")


async def test_what_waits_for_its_turn_was_not_run(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call")
    first, second = (asyncio.create_task(rig.send()) for _ in range(2))
    await eventually(lambda: rig.metric("calls_waiting") == 1)
    rig.engine.cut_short()
    assert problem(await first)["outcome"] == "unknown"
    assert problem(await second)["outcome"] == "not_run"


async def test_what_waits_for_its_session_was_not_run(rig: Rig) -> None:
    await rig.serve(binding(PATIENT, name="b7", user="user-7"))
    await rig.sandbox.admin.fault("hang", method="initialize")
    sending = asyncio.create_task(rig.call(SEND, MAIL, user="user-7"))
    await eventually(lambda: rig.metric("upstream_requests") == 1)
    rig.engine.cut_short()
    assert problem(await sending) == told("not_run")


async def test_what_waits_for_another_try_is_answered_for_those_it_had(rig: Rig) -> None:
    await rig.sandbox.admin.fault("status", status=503, method="tools/call")
    reading = asyncio.create_task(rig.read())
    await eventually(lambda: rig.metric("retries_total", app="sendgrid", reason="upstream") == 1)
    rig.engine.cut_short()
    assert problem(await reading) == told("failed")


async def test_what_waits_for_the_list_of_tools_and_what_comes_later_is_turned_away() -> None:
    async def never(_exchange: Exchange) -> None:
        """List no tools."""

    async with probed(never) as rig:
        waiting = asyncio.create_task(rig.call(SEND))
        await eventually(lambda: rig.engine.calls == 1)
        rig.engine.cut_short()
        for call_ in (waiting, rig.call(SEND)):
            with pytest.raises(UpstreamFaultError) as caught:
                await call_
            assert b"about to end" in caught.value.error


async def _asked(http: httpx2.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await post(http, call(SEND, **MAIL))).json()
    return answer


async def _asked_on_a_stream(http: httpx2.AsyncClient) -> dict[str, Any]:
    async with http.stream("GET", PATH.removesuffix("mcp") + "sse") as stream:
        lines = (line[6:] async for line in stream.aiter_lines() if line.startswith("data: "))
        assert (await http.post(await anext(lines), json=call(SEND, **MAIL))).status_code == 202
        answer: dict[str, Any] = json.loads(await anext(lines))
        return answer


async def _taken_back(rig: Rig) -> bool:
    return await rig.requests("notifications/cancelled") == 1
