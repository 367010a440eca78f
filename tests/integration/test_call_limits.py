"""Calls of one user at one service: so many at once, the others in line, and refused early beyond that."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from pipewise_runtime.turns import WAITING_PER_IN_FLIGHT
from support.engine import AGENT, Rig, binding, problem, running_engine, service, text
from support.eventually import eventually
from support.sandbox import sandbox

MOST = 2
LINE = MOST * WAITING_PER_IN_FLIGHT


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream, most_in_flight=MOST) as running:
        await running.serve(binding(replace(service(), timeout_seconds=20)))
        yield running


async def test_calls_beyond_the_limit_wait_and_all_run_once(rig: Rig) -> None:
    calls = [asyncio.create_task(rig.send()) for _ in range(MOST + LINE)]
    results = await asyncio.gather(*calls)
    assert not any(result.get("isError") for result in results)
    assert await rig.sent() == MOST + LINE
    assert rig.metric("calls_waiting") == 0
    assert rig.metric("calls_refused_total", app="sendgrid") == 0


async def test_no_more_than_the_limit_are_under_way_and_those_beyond_the_line_are_refused(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call", times=MOST)
    before = await rig.requests("tools/call")
    hanging = await _begun(rig, MOST)
    waiting = await _begun(rig, LINE)
    await eventually(lambda: rig.metric("calls_waiting") == LINE)
    started = time.monotonic()
    refused = await rig.send()
    assert time.monotonic() - started < 1
    assert problem(refused) == {
        "service": "sendgrid", "reason": "RuntimeUnavailable", "outcome": "not_run", "attempts": 0,
        "retryAfterSeconds": 1,
    }  # fmt: skip
    assert "demasiadas llamadas" in text(refused)
    assert rig.metric("calls_refused_total", app="sendgrid") == 1
    assert rig.metric("calls_total", agent=AGENT, app="sendgrid", outcome="not_run") == 1
    await eventually(lambda: rig.metric("calls_under_way") == MOST)
    assert await rig.sent() == 0
    await _cancelled(hanging)
    results = await asyncio.gather(*waiting)
    assert not any(result.get("isError") for result in results)
    assert await rig.sent() == LINE
    assert await rig.requests("tools/call") - before <= MOST + LINE
    assert rig.metric("calls_under_way") == 0


async def test_a_call_whose_turn_does_not_come_by_its_deadline_is_not_run(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call", times=MOST)
    hanging = await _begun(rig, MOST)
    await eventually(lambda: rig.metric("calls_under_way") == MOST)
    rig.engine.serve(binding(replace(service(), timeout_seconds=0.3)))
    late = await rig.send()
    assert problem(late)["reason"] == "RuntimeUnavailable"
    assert problem(late)["outcome"] == "not_run"
    assert rig.metric("calls_waiting") == 0
    await _cancelled(hanging)
    assert await rig.sent() == 0


async def test_a_cancelled_call_leaves_the_line_and_its_turn_to_others(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call", times=MOST)
    hanging = await _begun(rig, MOST)
    first, second = await _begun(rig, 2)
    await eventually(lambda: rig.metric("calls_waiting") == 2)
    await _cancelled([first])
    await _cancelled(hanging)
    assert not (await second).get("isError")
    assert await rig.sent() == 1
    assert rig.metric("calls_under_way") == 0


async def test_a_busy_user_takes_no_place_from_another(rig: Rig) -> None:
    await rig.serve(binding(name="coordinator-other", user="other"))
    await rig.sandbox.admin.fault("hang", method="tools/call", times=MOST)
    hanging = await _begun(rig, MOST)
    await eventually(lambda: rig.metric("calls_under_way") == MOST)
    started = time.monotonic()
    assert not (await rig.call("sendgrid-list-global-suppressions", user="other")).get("isError")
    assert time.monotonic() - started < 5
    await _cancelled(hanging)


@pytest.mark.parametrize("rounds", range(5))
async def test_who_leaves_about_when_its_turn_comes_takes_no_place_with_it(rig: Rig, rounds: int) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call", times=MOST)
    hanging = await _begun(rig, MOST)
    first, second = await _begun(rig, 2)
    await eventually(lambda: rig.metric("calls_waiting") == 2)
    hanging[0].cancel()
    for _ in range(rounds):
        await asyncio.sleep(0)
    first.cancel()
    assert not (await second).get("isError")
    await _cancelled([*hanging, first])
    assert rig.metric("calls_under_way") == 0


async def test_a_turn_that_comes_when_the_time_is_up_is_given_on_and_nothing_is_sent(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call", times=MOST)
    hanging = await _begun(rig, MOST)
    await eventually(lambda: rig.metric("calls_under_way") == MOST)
    rig.engine.serve(binding(replace(service(), timeout_seconds=0.3)))
    [late] = await _begun(rig, 1)
    await eventually(lambda: rig.metric("calls_waiting") == 1)
    hanging[0].cancel()
    time.sleep(0.4)  # noqa: ASYNC251 - so that the loop finds the end of one and of the other's time at once
    assert problem(await late)["outcome"] == "not_run"
    await _cancelled(hanging)
    assert await rig.sent() == 0
    assert rig.metric("calls_under_way") == 0


async def _begun(rig: Rig, number: int) -> list[asyncio.Task[dict[str, Any]]]:
    """So many calls, begun in their order."""
    return [asyncio.create_task(rig.send()) for _ in range(number)]


async def _cancelled(calls: list[asyncio.Task[dict[str, Any]]]) -> None:
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
