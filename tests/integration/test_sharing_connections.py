"""All apps share the connections to Pipedream: one that hangs takes them from no other."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest_asyncio

from pipewise_crds import Resilience
from pipewise_runtime.admitting import MOST_IN_FLIGHT, MOST_OF_AN_APP
from pipewise_runtime.turns import WAITING_PER_IN_FLIGHT
from pipewise_runtime.upstream.host import MOST_CONNECTIONS
from support.engine import AGENT, Rig, binding, problem, running_engine, service, text
from support.eventually import eventually
from support.sandbox import sandbox

HANGING = {"sendgrid": "sendgrid-list-global-suppressions", "twitter": "twitter-list-lists"}
OTHER = "pipedrive-search-persons"
OTHER_SERVICE = replace(service("pipedrive", "pipedrive"), timeout_seconds=1.0)
ONE_TRY = Resilience.model_validate({"maxRetries": 0})


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        yield running


async def hung(rig: Rig, app: str, calls: int) -> list[asyncio.Task[dict[str, Any]]]:
    """So many calls of one app that hang, by as many users as that takes."""
    await rig.sandbox.admin.fault("hang", method="tools/call", app=app)
    users = [f"{app}-{number}" for number in range(-(-calls // MOST_IN_FLIGHT))]
    patient = replace(service(app, app), timeout_seconds=60.0)
    for user in users:
        await rig.serve(binding(patient, name=user, user=user))
    return [
        asyncio.create_task(rig.call(HANGING[app], user=users[number // MOST_IN_FLIGHT]))
        for number in range(calls)
    ]


async def gone(calls: list[asyncio.Task[dict[str, Any]]]) -> None:
    """Have these calls end."""
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


async def test_an_app_that_hangs_leaves_connections_to_the_others(rig: Rig) -> None:
    await rig.serve(binding(replace(OTHER_SERVICE, timeout_seconds=20.0)))
    hanging = await hung(rig, "sendgrid", MOST_CONNECTIONS + 1)
    await eventually(lambda: rig.metric("upstream_requests") >= MOST_OF_AN_APP, within=30)
    assert not (await rig.call(OTHER, {"term": "Ana"})).get("isError")
    assert rig.metric("upstream_requests") == MOST_OF_AN_APP
    assert rig.metric("calls_under_way") == MOST_OF_AN_APP
    assert rig.metric("calls_waiting") == MOST_CONNECTIONS + 1 - MOST_OF_AN_APP
    await gone(hanging)
    assert rig.metric("calls_under_way") == 0


async def test_a_call_whose_turn_at_its_app_does_not_come_is_not_run_and_speaks_against_nobody(
    rig: Rig,
) -> None:
    await rig.serve(binding(replace(service(), timeout_seconds=0.3)))
    hanging = await hung(rig, "sendgrid", MOST_OF_AN_APP)
    await eventually(lambda: rig.metric("upstream_requests") == MOST_OF_AN_APP, within=30)
    told = problem(await rig.send())
    assert (told["reason"], told["outcome"]) == ("RuntimeUnavailable", "not_run")
    assert rig.metric("calls_refused_total", app="sendgrid") == 1
    assert rig.metric("breaker_open", project="default", app="sendgrid") == 0
    await gone(hanging)
    assert await rig.sent() == 0


async def test_where_the_line_of_an_app_is_full_a_call_is_refused_at_once(rig: Rig) -> None:
    await rig.serve(binding(replace(service(), timeout_seconds=60.0)))
    most_waiting = MOST_OF_AN_APP * WAITING_PER_IN_FLIGHT
    hanging = await hung(rig, "sendgrid", MOST_OF_AN_APP + most_waiting)
    await eventually(lambda: rig.metric("calls_waiting") == most_waiting, within=30)
    told = problem(await asyncio.wait_for(rig.send(), 30))
    assert (told["reason"], told["outcome"]) == ("RuntimeUnavailable", "not_run")
    await gone(hanging)
    assert await rig.sent() == 0


async def test_where_no_connection_is_free_the_app_that_waits_is_not_blamed(rig: Rig) -> None:
    await rig.serve(binding(OTHER_SERVICE, resilience=ONE_TRY))
    await rig.serve(binding(OTHER_SERVICE, name="new", user="new", resilience=ONE_TRY))
    before = await rig.requests("tools/call")
    assert not (await rig.call(OTHER, {"term": "Ana"})).get("isError")
    hanging = [call for app in HANGING for call in await hung(rig, app, MOST_OF_AN_APP)]
    await eventually(lambda: rig.metric("upstream_requests") == MOST_CONNECTIONS, within=30)
    refused = await asyncio.gather(*(rig.call(OTHER, {"term": "Ana"}) for _ in range(6)))
    unopened = await rig.call(OTHER, {"term": "Ana"}, user="new")
    for result in [*refused, unopened]:
        told = problem(result)
        assert (told["reason"], told["outcome"]) == ("RuntimeUnavailable", "not_run")
        assert "demasiadas llamadas" in text(result)
    assert rig.metric("breaker_open", project="default", app="pipedrive") == 0
    assert rig.state("pipedrive") == "Available"
    assert [each.binding for each in rig.evidence.exceptions()] == []
    assert rig.metric("calls_total", agent=AGENT, app="pipedrive", outcome="not_run") == 7
    await gone(hanging)
    assert not (await rig.call(OTHER, {"term": "Ana"})).get("isError")
    assert await rig.requests("tools/call") > before
