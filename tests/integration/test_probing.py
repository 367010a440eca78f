"""Outages are noticed by one failed call, told as one, and ended by a probe alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest_asyncio

from pipewise_crds import Resilience
from pipewise_runtime.clock import Clock
from pipewise_runtime.probing import PROBE_EVERY_SECONDS
from pipewise_runtime.served import Project, ServedBinding
from support.engine import AGENT, READ, USER, Rig, binding, problem, running_engine, service
from support.eventually import eventually
from support.listening import free_port
from support.sandbox import PROJECT, sandbox

ONE_TRY = Resilience.model_validate({"maxRetries": 0, "breaker": {"failures": 5, "openFor": "1s"}})
OPEN_FOR_SECONDS = 5.0
OTHER = "user-7"


def other(**changes: object) -> ServedBinding:
    """Another user's binding for the same agent and app."""
    return binding(name="coordinator-user-7", user=OTHER, **changes)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        await running.serve(binding(resilience=ONE_TRY))
        yield running


async def outage(rig: Rig, **fields: str) -> int:
    """Everything but the opening of sessions answers 503."""
    return await rig.sandbox.admin.fault("status", status=503, **fields)


async def test_one_failed_call_makes_an_outage_known_within_a_second(rig: Rig) -> None:
    assert rig.state() == "Available"
    await outage(rig)
    await rig.send()
    await eventually(lambda: rig.state() == "Unavailable", within=1)
    assert rig.metric("provider_available", project="default", app="sendgrid") == 0
    assert "503" in rig.evidence.providers()[0].message
    assert rig.evidence.exceptions() == []


async def test_an_open_breaker_refuses_early_and_only_a_probe_closes_it(rig: Rig) -> None:
    fault = await outage(rig)
    for _ in range(5):
        await rig.send()
    assert rig.evidence.providers()[0].breaker == "Open"
    assert rig.metric("breaker_open", project="default", app="sendgrid") == 1
    called = await rig.requests("tools/call")
    refused = problem(await rig.send())
    assert (refused["attempts"], refused["outcome"]) == (0, "not_run")
    assert 1 <= refused["retryAfterSeconds"] <= OPEN_FOR_SECONDS
    await rig.sandbox.admin.clear_fault(fault)
    started, probed = time.monotonic(), await rig.requests("tools/list")
    await eventually(lambda: rig.state() == "Available", within=OPEN_FOR_SECONDS + 1)
    assert time.monotonic() - started > 1, "something else than the probe closed it"
    assert await rig.requests("tools/list") == probed + 1
    assert await rig.requests("tools/call") == called
    assert not (await rig.send()).get("isError")
    assert rig.evidence.exceptions() == []
    for to in ("open", "closed"):
        assert rig.metric("breaker_transitions_total", project="default", app="sendgrid", to=to) == 1


async def test_an_outage_of_many_users_is_told_as_one_and_its_end_needs_no_probe_of_each(rig: Rig) -> None:
    users = [f"user-{number}" for number in range(100, 120)]
    for user in users:
        rig.engine.serve(binding(name=user, user=user, resilience=ONE_TRY))
        await rig.sandbox.admin.add_account(user, "sendgrid")
    fault = await outage(rig)
    await asyncio.gather(*(rig.call("sendgrid-send-email-single-recipient", {}, user) for user in users * 3))
    await eventually(lambda: rig.state() == "Unavailable", within=1)
    assert rig.evidence.exceptions() == []
    await rig.sandbox.admin.clear_fault(fault)
    before = await rig.requests("tools/list")
    await eventually(lambda: rig.state() == "Available", within=OPEN_FOR_SECONDS + 1)
    assert not rig.engine._registry.user_breakers
    assert await rig.requests("tools/list") - before < len(users) / 2


async def test_one_users_failure_stays_his_own_and_his_own_probe_ends_it(rig: Rig) -> None:
    await rig.serve(other())
    fault = await outage(rig, user=USER)
    for _ in range(5):
        await rig.send()
    await eventually(lambda: [each.breaker for each in rig.evidence.exceptions()] == ["Open"], within=1)
    assert rig.evidence.exceptions()[0].binding == "coordinator-user-42"
    assert rig.evidence.exceptions()[0].verdict == "UpstreamUnavailable"
    assert rig.state() == "Available"
    assert problem(await rig.send())["attempts"] == 0
    assert not (await rig.call("sendgrid-list-global-suppressions", user=OTHER)).get("isError")
    await rig.sandbox.admin.clear_fault(fault)
    await eventually(lambda: not rig.evidence.exceptions(), within=OPEN_FOR_SECONDS + 1)
    assert rig.state() == "Available"
    assert not (await rig.send()).get("isError")
    assert not rig.engine._registry.user_breakers


async def test_a_users_own_probe_that_fails_is_his_trouble_before_his_breaker_opens(rig: Rig) -> None:
    await rig.serve(other())
    await outage(rig, user=USER)
    await rig.send()
    await eventually(lambda: [each.breaker for each in rig.evidence.exceptions()] == ["Closed"], within=1)
    assert "503" in rig.evidence.exceptions()[0].message
    assert rig.state() == "Available"


async def test_failed_calls_of_one_user_with_good_probes_are_his_exception_too(rig: Rig) -> None:
    await rig.serve(other())
    await outage(rig, user=USER, method="tools/call")
    for _ in range(5):
        await rig.send()
    await eventually(lambda: len(rig.evidence.exceptions()) == 1, within=1)
    assert rig.state() == "Available"
    assert rig.metric("breaker_open", project="default", app="sendgrid") == 0


async def test_failed_calls_of_several_users_open_the_apps_breaker_though_lists_are_answered(
    rig: Rig,
) -> None:
    await rig.serve(other(resilience=ONE_TRY))
    await outage(rig, method="tools/call")
    for user in (USER, OTHER) * 3:
        await rig.call("sendgrid-list-global-suppressions", user=user)
    await eventually(lambda: rig.metric("breaker_open", project="default", app="sendgrid") == 1, within=1)
    assert rig.state() == "Unavailable"


async def test_every_app_is_probed_before_what_is_known_grows_old_however_busy_it_is() -> None:
    shift = [0.0]
    clock = Clock(
        monotonic=lambda: time.monotonic() + shift[0],
        wall=lambda: datetime.now(UTC) + timedelta(seconds=shift[0]),
        dice=lambda: 0.0,
    )
    async with sandbox() as upstream, running_engine(upstream, clock) as rig:
        made = await rig.serve(binding())
        before = await rig.requests("tools/list")
        shift[0] += PROBE_EVERY_SECONDS - 60
        rig.engine.serve(made)  # wakes the loop
        await rig.send()
        assert await rig.requests("tools/list") == before
        removed = await rig.sandbox.admin.fault("no_tools", tools=[READ])
        shift[0] += 61
        rig.engine.serve(made)
        await eventually(partial(_listed, rig, before + 1))
        await eventually(lambda: READ not in _offered(rig, made))
        await rig.sandbox.admin.clear_fault(removed)
        await outage(rig)
        shift[0] += PROBE_EVERY_SECONDS + 1
        rig.engine.serve(made)
        await eventually(lambda: rig.state() == "Unavailable")


def _offered(rig: Rig, served: ServedBinding) -> str:
    return rig.engine._registry.catalogue(served).listing.decode()


async def _listed(rig: Rig, times: int) -> bool:
    return await rig.requests("tools/list") == times


async def test_a_project_that_comes_late_is_taken_up_within_two_seconds() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        await upstream.admin.add_account(USER, "sendgrid")
        rig.engine.drop_project("default")
        rig.engine.serve(binding())
        listing = asyncio.create_task(rig.engine.tools(binding()))
        await asyncio.sleep(0)
        assert rig.evidence.providers() == []
        rig.engine.serve_project(Project("default", PROJECT, "development", upstream.mcp_url))
        async with asyncio.timeout(2):
            assert b"sendgrid-send-email" in await listing
        assert not (await rig.send()).get("isError")


async def test_a_project_that_goes_is_named_and_its_report_goes_with_it(rig: Rig) -> None:
    await rig.send()
    rig.engine.drop_project("default")
    assert problem(await rig.send())["reason"] == "ProjectCredentialInvalid"
    assert rig.evidence.projects() == []
    assert rig.engine.sessions == 0
    labels = {"project": "default"}
    assert rig.metrics.registry.get_sample_value("pipewise_runtime_quota_exhausted", labels) is None


async def test_a_binding_dropped_while_its_calls_run_and_probes_fail_leaves_nothing_behind(rig: Rig) -> None:
    rig.engine.serve(binding(replace(service(), timeout_seconds=0.5), resilience=ONE_TRY))
    await rig.sandbox.admin.fault("delay", seconds=0.3)
    await outage(rig)
    calls = [asyncio.create_task(rig.send()) for _ in range(6)]
    await eventually(lambda: rig.metric("upstream_requests") > 0)
    rig.engine.drop("coordinator-user-42")
    results = await asyncio.gather(*calls)
    assert {problem(result)["outcome"] for result in results} == {"unknown"}
    await eventually(lambda: rig.metric("upstream_requests") == 0)
    assert (rig.evidence.providers(), rig.evidence.exceptions()) == ([], [])
    assert not rig.engine._registry.user_breakers
    assert (rig.engine.sessions, rig.engine.bindings) == (0, 0)
    for name in ("provider_available", "breaker_open"):
        labels = {"project": "default", "app": "sendgrid"}
        assert rig.metrics.registry.get_sample_value(f"pipewise_runtime_{name}", labels) is None


async def test_an_app_that_never_answered_is_unavailable_and_its_calls_are_answered() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        nowhere = f"http://127.0.0.1:{free_port()}/v3"
        rig.engine.serve_project(Project("default", PROJECT, "development", nowhere))
        rig.engine.serve(binding())
        made = rig.engine.binding(AGENT, USER)
        assert made
        assert await rig.engine.tools(made) == b'{"tools":[]}'
        assert rig.state() == "Unavailable"
        assert problem(await rig.send())["reason"] == "UpstreamUnavailable"


async def test_probes_survive_a_hostile_answer_of_any_length(rig: Rig) -> None:
    await rig.sandbox.admin.fault("wrong_content_type", contentType="x/" + "y" * 3000, times=2)
    await rig.send()
    await eventually(lambda: rig.state() == "Unavailable", within=1)
    await eventually(lambda: rig.state() == "Available", within=3)


async def test_a_refused_token_met_by_a_probe_is_taken_back_when_the_next_one_is_accepted() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        fault = await upstream.admin.fault("unauthorized", method="tools/list")
        rig.engine.serve(binding())
        await eventually(lambda: [each.token for each in rig.evidence.projects()] == ["Rejected"])
        assert rig.state() == "", "a refused token says nothing of the app"
        await upstream.admin.clear_fault(fault)
        await eventually(lambda: [each.token for each in rig.evidence.projects()] == ["Accepted"])
        await eventually(lambda: rig.state() == "Available")
