"""What the upstream refuses, with a 4xx, is told as such: no outage, no breaker, never all well."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pipewise_runtime.served import Project
from support.engine import USER, Rig, binding, problem, running_engine, service
from support.eventually import eventually
from support.sandbox import PROJECT, sandbox

OTHER = "user-7"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        await running.serve(binding())
        yield running


def breaker_of(rig: Rig) -> str:
    return rig.evidence.providers()[0].breaker


@pytest.mark.parametrize(
    ("status", "verdict"), [(403, "ProjectCredentialInvalid"), (422, "UpstreamUnavailable")]
)
async def test_a_refused_call_is_its_users_trouble_until_one_succeeds(
    rig: Rig, status: int, verdict: str
) -> None:
    probed = await rig.requests("tools/list")
    fault = await rig.sandbox.admin.fault("status", status=status, method="tools/call")
    for _ in range(6):
        refused = problem(await rig.send())
        assert (refused["reason"], refused["outcome"], refused["attempts"]) == (verdict, "not_run", 1)
    (met,) = rig.evidence.exceptions()
    assert (met.binding, met.verdict, met.breaker) == ("coordinator-user-42", verdict, "Closed")
    assert f"status {status}" in met.message
    assert "check" in met.message
    await eventually(lambda: _listed_more(rig, probed))
    assert (rig.state(), breaker_of(rig)) == ("Available", "Closed")
    await rig.sandbox.admin.clear_fault(fault)
    assert not (await rig.send()).get("isError")
    assert rig.evidence.exceptions() == []


async def test_a_session_that_no_call_can_keep_is_its_users_trouble(rig: Rig) -> None:
    await rig.sandbox.admin.settings(sessions=True)
    await rig.sandbox.admin.fault("session_lost", method="tools/call")
    assert problem(await rig.send())["reason"] == "UpstreamUnavailable"
    assert [each.verdict for each in rig.evidence.exceptions()] == ["UpstreamUnavailable"]


@pytest.mark.parametrize(("status", "fault"), [(403, "ProjectRefused"), (422, "Refused")])
async def test_refused_probes_say_so_and_count_for_no_breaker(rig: Rig, status: int, fault: str) -> None:
    switch = await rig.sandbox.admin.fault("status", status=status)
    await rig.send()
    await eventually(lambda: rig.state() == "Unavailable")
    (seen,) = rig.evidence.providers()
    assert (seen.fault, seen.breaker) == (fault, "Closed")
    assert f"status {status}" in seen.message
    for _ in range(6):
        await rig.send()
    assert breaker_of(rig) == "Closed"
    assert rig.engine._registry.providers["default", "sendgrid"].breaker.failures == 0
    await rig.sandbox.admin.clear_fault(switch)
    await eventually(lambda: rig.state() == "Available")
    assert rig.evidence.providers()[0].fault == "Outage"
    assert rig.evidence.exceptions() == [], "what users met was the app's trouble"
    assert not (await rig.send()).get("isError")


@pytest.mark.parametrize("kind", ["rpc_error", "session_lost"])
async def test_a_probe_answered_by_an_error_counts_for_no_breaker(rig: Rig, kind: str) -> None:
    await rig.sandbox.admin.settings(sessions=True)
    await rig.sandbox.admin.fault(kind, method="tools/list")
    ask_for_probe(rig)
    await eventually(lambda: rig.state() == "Unavailable")
    assert rig.engine._registry.providers["default", "sendgrid"].breaker.failures == 0


async def test_a_refusal_of_one_users_own_probe_is_his_and_opens_nothing(rig: Rig) -> None:
    await rig.serve(binding(name="coordinator-user-7", user=OTHER))
    outage = await rig.sandbox.admin.fault("status", status=503, user=USER, method="tools/call")
    await rig.sandbox.admin.fault("status", status=422, user=USER, method="tools/list")
    await rig.send()
    await eventually(lambda: ["422" in each.message for each in rig.evidence.exceptions()] == [True])
    assert rig.engine._registry.user_breakers["coordinator-user-42", "sendgrid"].failures == 1
    assert rig.state() == "Available"
    await rig.sandbox.admin.clear_fault(outage)
    assert not (await rig.send()).get("isError")
    assert rig.evidence.exceptions() == []


async def test_refused_calls_of_many_users_of_an_app_that_is_unwell_are_told_as_one(rig: Rig) -> None:
    await rig.serve(binding(name="coordinator-user-7", user=OTHER))
    await rig.sandbox.admin.fault("status", status=422)
    await rig.send()
    await eventually(lambda: rig.state() == "Unavailable")
    await rig.call("sendgrid-list-global-suppressions", user=OTHER)
    assert [each.binding for each in rig.evidence.exceptions()] == ["coordinator-user-42"]


async def test_a_call_refused_after_its_binding_went_leaves_nothing_behind(rig: Rig) -> None:
    await rig.sandbox.admin.fault("delay", seconds=0.3, method="tools/call")
    await rig.sandbox.admin.fault("status", status=422, method="tools/call")
    call = asyncio.create_task(rig.send())
    await eventually(lambda: rig.metric("upstream_requests") > 0)
    rig.engine.drop("coordinator-user-42")
    assert problem(await call)["outcome"] == "not_run"
    assert rig.evidence.exceptions() == []


async def test_a_project_that_changes_is_probed_anew(rig: Rig) -> None:
    mcp = rig.sandbox.mcp_url
    rig.engine.serve_project(Project("default", "proj_wrong", "development", mcp))
    await eventually(lambda: rig.state() == "Unavailable")
    assert rig.evidence.providers()[0].fault == "ProjectRefused"
    rig.engine.serve_project(Project("default", PROJECT, "development", mcp))
    await eventually(lambda: rig.state() == "Available")
    probed = await rig.requests("tools/list")
    rig.engine.serve_project(Project("default", PROJECT, "development", mcp))
    assert not (await rig.send()).get("isError")
    assert await rig.requests("tools/list") == probed, "nothing changed, so nothing is asked"


async def test_a_probe_that_began_before_the_project_changed_is_not_believed(rig: Rig) -> None:
    await rig.sandbox.admin.fault("delay", seconds=0.5, method="tools/list", times=1)
    ask_for_probe(rig)
    await eventually(lambda: rig.metric("upstream_requests") > 0)
    rig.engine.serve_project(Project("default", "proj_wrong", "development", rig.sandbox.mcp_url))
    await eventually(lambda: rig.state() == "Unavailable")


async def test_an_app_that_does_not_exist_is_a_refusal(rig: Rig) -> None:
    rig.engine.serve(binding(service("sendgird", "sendgird")))
    await eventually(lambda: rig.state("sendgird") == "Unavailable")
    seen = next(each for each in rig.evidence.providers() if each.app == "sendgird")
    assert (seen.fault, seen.breaker) == ("Refused", "Closed")
    assert "check the app's name and the endpoint" in seen.message


def ask_for_probe(rig: Rig) -> None:
    provider = rig.engine._registry.providers["default", "sendgrid"]
    provider.announcement.made()
    rig.engine._probing.wake()


async def _listed_more(rig: Rig, before: int) -> bool:
    return await rig.requests("tools/list") > before
