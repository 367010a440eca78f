"""A binding that goes stops at once: nothing is sent for it any more, and no session is left of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from pipewise_runtime.served import ServedBinding
from support.engine import Rig, binding, problem, running_engine, service
from support.eventually import eventually
from support.mcp_through import Withheld
from support.probed import listing, probed
from support.sandbox import sandbox

NAME = "coordinator-user-42"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream, most_in_flight=1) as running:
        yield running


def gone(made: ServedBinding, rig: Rig) -> None:
    """The binding is deleted or paused."""
    rig.engine.drop(made.name)


def with_another_account(made: ServedBinding, rig: Rig) -> None:
    """The binding is told to use another account."""
    rig.engine.serve(replace(made, services=(replace(service(), account_id="apn_other"),)))


@pytest.mark.parametrize("change", [gone, with_another_account])
async def test_a_call_that_waits_for_another_try_is_not_sent_any_more(
    rig: Rig, change: Callable[[ServedBinding, Rig], None]
) -> None:
    made = await rig.serve(binding())
    await rig.sandbox.admin.fault("quota", retryAfter=1, times=1)
    call = asyncio.create_task(rig.send())
    await eventually(lambda: rig.metric("quota_rejections_total", project="default") == 1)
    change(made, rig)
    told = problem(await call)
    assert (told["reason"], told["outcome"], told["attempts"]) == ("RuntimeUnavailable", "not_run", 1)
    assert await rig.sent() == 0
    await eventually(lambda: rig.metric("upstream_requests") == 0)
    assert rig.engine.sessions == 0


async def test_calls_in_line_when_their_binding_goes_are_not_sent_any_more(rig: Rig) -> None:
    made = await rig.serve(binding())
    await rig.sandbox.admin.fault("delay", method="tools/call", seconds=0.5, times=1)
    first, *others = [asyncio.create_task(rig.send()) for _ in range(3)]
    await eventually(lambda: rig.metric("calls_waiting") == 2)
    await eventually(lambda: rig.metric("upstream_requests") == 1)
    rig.engine.drop(made.name)
    assert not (await first).get("isError")
    assert [problem(await each)["outcome"] for each in others] == ["not_run", "not_run"]
    assert await rig.sent() == 1
    assert rig.engine.sessions == 0


async def test_a_call_whose_binding_goes_while_its_session_opens_is_not_sent(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.add_account("user-7", "sendgrid")
    rig.engine.serve(binding(name="b7", user="user-7"))
    before = await rig.requests("initialize")
    await rig.sandbox.admin.fault("delay", method="notifications/initialized", seconds=0.3, times=1)
    call = asyncio.create_task(rig.call("sendgrid-list-global-suppressions", user="user-7"))
    await eventually(lambda: _opened(rig, before))
    rig.engine.drop("b7")
    assert problem(await call)["outcome"] == "not_run"
    assert await rig.requests("tools/call") == 0
    assert rig.engine.sessions == 1


async def test_a_session_opened_for_a_service_that_turned_to_demo_goes_with_its_binding(rig: Rig) -> None:
    made = await rig.serve(binding(demo="WhenUnauthorized"))
    await rig.sandbox.admin.fault("quota", retryAfter=1, times=1)
    call = asyncio.create_task(rig.send())
    await eventually(lambda: rig.metric("quota_rejections_total", project="default") == 1)
    rig.engine.serve(replace(made, services=(service(account="Missing"),)))
    assert rig.engine.sessions == 0
    assert not (await call).get("isError")
    rig.engine.drop(made.name)
    assert rig.engine.sessions == 0


async def test_a_probe_that_waits_for_a_token_opens_nothing_for_a_binding_that_went() -> None:
    tokens = Withheld()
    tokens.is_there.clear()
    with capture_logs() as logged:
        async with probed(listing([]), tokens=tokens) as rig:
            await asyncio.wait_for(tokens.asked.wait(), 10)
            rig.engine.drop(NAME)
            tokens.is_there.set()
            await eventually(lambda: "probe_without_verdict" in {each["event"] for each in logged})
            assert rig.upstream.seen == []
            assert rig.engine.sessions == 0


async def _opened(rig: Rig, beyond: int) -> bool:
    """Whether more sessions were opened than that."""
    return await rig.requests("initialize") > beyond
