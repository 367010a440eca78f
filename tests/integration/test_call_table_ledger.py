"""The table's rows for reads, and for tools' own errors, counted in the sandbox's ledger and its requests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pipewise_runtime.ports import UpstreamFaultError
from support.engine import AGENT, MAIL, READ, SEND, USER, Rig, binding, problem, running_engine, service
from support.sandbox import sandbox


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        await running.serve(binding())
        yield running


async def run_of(rig: Rig, tool: str) -> int:
    """How often a tool really ran."""
    return len(await rig.sandbox.admin.ledger(tool=tool))


@pytest.mark.parametrize(("when", "runs"), [("before", 1), ("after", 2)])
@pytest.mark.parametrize("kind", ["status", "drop"])
async def test_a_read_whose_fate_is_unknown_is_tried_once_more(
    rig: Rig, kind: str, when: str, runs: int
) -> None:
    await rig.sandbox.admin.fault(kind, when=when, method="tools/call", times=1)
    assert not (await rig.read()).get("isError")
    assert rig.metric("retries_total", app="sendgrid", reason="upstream") == 1
    assert await run_of(rig, READ) == runs


async def test_a_read_cut_in_the_middle_of_its_reply_ran_and_is_tried_once_more(rig: Rig) -> None:
    await rig.sandbox.admin.fault("drop", when="mid", method="tools/call", times=1)
    assert not (await rig.read()).get("isError")
    assert await run_of(rig, READ) == 2


async def test_a_read_that_stays_out_is_tried_four_times_and_no_more(rig: Rig) -> None:
    await rig.sandbox.admin.fault("status", when="after", method="tools/call")
    assert problem(await rig.read())["attempts"] == 4
    assert await run_of(rig, READ) == 4
    assert await rig.requests("tools/call") == 4


@pytest.mark.parametrize("tool", [READ, SEND])
async def test_a_tools_own_error_is_one_request_whatever_the_tool(rig: Rig, tool: str) -> None:
    await rig.sandbox.admin.fault("tool_error", method="tools/call", times=1)
    assert (await rig.call(tool, MAIL if tool == SEND else None))["isError"] is True
    assert await rig.requests("tools/call") == 1


@pytest.mark.parametrize("tool", [READ, SEND])
async def test_a_json_rpc_error_is_one_request_whatever_the_tool(rig: Rig, tool: str) -> None:
    await rig.sandbox.admin.fault("rpc_error", method="tools/call", times=1)
    with pytest.raises(UpstreamFaultError):
        await rig.call(tool, MAIL if tool == SEND else None)
    assert await rig.requests("tools/call") == 1


async def test_an_action_that_failed_inside_counts_as_the_tools_error_and_its_bytes_stay(rig: Rig) -> None:
    await rig.serve(binding(service("google_calendar", "google_calendar")))
    tool = "google_calendar-get-event"
    result = await rig.call(tool, {"calendarId": "primary", "eventId": "none"}, USER)
    assert result["isError"] is False
    labels = {"agent": AGENT, "app": "google_calendar"}
    assert rig.metric("calls_total", outcome="tool_error", **labels) == 1
    assert rig.metric("calls_total", outcome="ok", **labels) == 0
