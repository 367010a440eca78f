"""What is served when bindings, accounts and users' troubles change: told through the engine."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from support.engine import AGENT, READ, USER, Rig, binding, problem, running_engine, service
from support.eventually import eventually
from support.probed import listing, probed
from support.sandbox import sandbox


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        yield running


async def test_an_account_that_was_mended_ends_the_trouble_that_a_call_met(rig: Rig) -> None:
    unwell = service(account="Unknown")
    await rig.serve(binding(unwell))
    await rig.sandbox.admin.fault("account_required", times=1)
    assert problem(await rig.read())["reason"] == "CredentialInvalid"
    assert [each.verdict for each in rig.evidence.exceptions()] == ["CredentialInvalid"]
    rig.engine.serve(binding(service(account="Unhealthy")))
    assert len(rig.evidence.exceptions()) == 1
    rig.engine.serve(binding(service(account="Healthy")))
    assert rig.evidence.exceptions() == []


async def test_of_two_bindings_of_a_user_the_one_put_last_stays_when_the_other_goes(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.serve(binding(name="next"))
    rig.engine.drop(binding().name)
    bound = rig.engine.binding(AGENT, USER)
    assert bound
    assert bound.name == "next"
    assert not (await rig.read()).get("isError")


async def test_an_app_that_is_well_clears_no_trouble_with_another(rig: Rig) -> None:
    both = binding(service(), service("twitter", "twitter"))
    await rig.serve(both)
    await rig.serve(binding(service(), service("twitter", "twitter"), name="other", user="other"))
    outage = await rig.sandbox.admin.fault("status", app="twitter", user=USER, status=503)
    for _ in range(5):
        assert (await rig.call("twitter-create-tweet", {"text": "x"})).get("isError")
    await eventually(lambda: [each.service for each in rig.evidence.exceptions()] == ["twitter"])
    await rig.sandbox.admin.fault("status", app="sendgrid", status=503, times=2)  # a call, and the probe
    assert (await rig.send()).get("isError")
    await eventually(lambda: rig.state() == "Unavailable")
    await eventually(lambda: rig.state() == "Available")
    assert [each.service for each in rig.evidence.exceptions()] == ["twitter"]
    await rig.sandbox.admin.clear_fault(outage)
    assert not (await rig.call(READ)).get("isError")
    await eventually(lambda: not rig.evidence.exceptions(), within=10)


async def test_however_many_agents_may_see_other_tools_each_sees_its_own() -> None:
    names = [f"sendgrid-{number}" for number in range(70)]
    async with probed(listing([{"name": name} for name in names])) as rig:
        await rig.engine.tools(binding())
        for _ in range(2):
            for name in names:
                made = binding(replace(service(), allow=(name,)), name=name, user=name)
                rig.engine.serve(made)
                tools = json.loads(await rig.engine.tools(made))["tools"]
                assert [tool["name"] for tool in tools] == [name]
