"""What goes while calls and probes are under way leaves nothing behind, and what stays does not suffer."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from pipewise_crds import Resilience
from pipewise_runtime.ports import Token
from pipewise_runtime.served import Project
from support.engine import AGENT, USER, Rig, binding, problem, running_engine, service
from support.eventually import eventually
from support.hostile import Exchange
from support.mcp_through import OneToken, Withheld
from support.probed import listing, probed
from support.sandbox import PROJECT, sandbox

NAME = "coordinator-user-42"
ONE_TRY = Resilience.model_validate({"maxRetries": 0})


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        yield running


async def under_way(rig: Rig) -> None:
    """Wait until a request waits for its answer."""
    await eventually(lambda: rig.metric("upstream_requests") == 1)


async def test_what_a_call_meets_after_its_project_went_is_told_of_nobody(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("delay", method="tools/call", seconds=0.3)
    await rig.sandbox.admin.fault("quota", retryAfter=60)
    call = asyncio.create_task(rig.send())
    await under_way(rig)
    rig.engine.drop_project("default")
    assert problem(await call)["reason"] == "QuotaExhausted"
    assert rig.evidence.projects() == []


async def test_a_read_is_tried_again_though_its_project_went_meanwhile(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.share("default", 5, 60.0)
    await rig.sandbox.admin.fault("delay", method="tools/call", seconds=0.3, times=1)
    await rig.sandbox.admin.fault("status", method="tools/call", status=503, times=1)
    call = asyncio.create_task(rig.read())
    await under_way(rig)
    rig.engine.drop_project("default")
    assert not (await call).get("isError")
    assert rig.evidence.projects() == []


async def test_a_list_that_comes_after_its_project_went_says_nothing_of_it(rig: Rig) -> None:
    await rig.sandbox.admin.add_account(USER, "sendgrid")
    await rig.sandbox.admin.fault("delay", method="tools/list", seconds=0.3)
    with capture_logs() as logged:
        rig.engine.serve(binding())
        await eventually(lambda: _answered(rig, "initialize"))
        rig.engine.drop_project("default")
        await eventually(lambda: "probe_without_verdict" in {each["event"] for each in logged})
    causes = [each["cause"] for each in logged if each["event"] == "probe_without_verdict"]
    assert causes[0] == "the PipedreamProject default changed meanwhile"
    assert rig.state() == ""
    assert rig.evidence.projects() == []


async def test_a_project_that_never_was_can_go(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.drop_project("never-heard-of")
    assert not (await rig.send()).get("isError")


async def test_without_its_project_an_app_is_neither_well_nor_ill(rig: Rig) -> None:
    rig.engine.drop_project("default")
    with capture_logs() as logged:
        rig.engine.serve(binding())
        await eventually(lambda: "probe_without_verdict" in {each["event"] for each in logged})
    assert rig.state() == ""
    rig.engine.serve_project(Project("default", PROJECT, "development", rig.sandbox.mcp_url))
    await eventually(lambda: rig.state() == "Available")


@pytest.mark.parametrize("rounds", range(6))
async def test_however_soon_a_binding_goes_again_its_app_is_forgotten(rig: Rig, rounds: int) -> None:
    rig.engine.serve(binding())
    for _ in range(rounds):
        await asyncio.sleep(0)
    rig.engine.drop(NAME)
    await eventually(lambda: rig.metric("upstream_requests") == 0)
    assert (rig.evidence.providers(), rig.evidence.exceptions()) == ([], [])
    await rig.serve(binding())
    assert not (await rig.send()).get("isError")


async def test_a_probe_that_fails_for_a_user_who_went_is_repeated_for_another(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.serve(binding(name="other", user="other"))
    await rig.sandbox.admin.fault("delay", method="tools/list", seconds=0.3, times=1)
    await rig.sandbox.admin.fault("status", status=503, user="other", method="tools/list")
    await rig.sandbox.admin.fault("status", status=503, method="tools/call", times=1)
    await rig.send()  # whose failure is looked into through the other's session
    await under_way(rig)
    rig.engine.drop("other")
    await eventually(lambda: rig.state() == "Unavailable")
    await eventually(lambda: rig.state() == "Available")
    assert not (await rig.send()).get("isError")


async def test_a_call_that_succeeds_shows_that_an_app_is_well_before_any_probe(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("status", method="tools/list", status=503)
    await rig.sandbox.admin.fault("status", method="tools/call", status=503, times=1)
    await rig.send()
    await eventually(lambda: rig.state() == "Unavailable")
    await rig.send()
    assert rig.state() == "Available"


async def test_a_list_that_asks_for_an_account_says_nothing_of_the_app() -> None:
    async def asking(exchange: Exchange) -> None:
        exchange.write_result(accountRequired=True, connectUrl="https://x/_static/connect.html?token=t")

    with capture_logs() as logged:
        async with probed(asking) as rig:
            await eventually(lambda: "probe_without_verdict" in {each["event"] for each in logged})
            assert rig.evidence.providers() == []
    assert "token=t" not in json.dumps(logged, default=str)


async def test_a_result_whose_word_on_errors_makes_no_sense_is_counted_as_one() -> None:
    async def odd(exchange: Exchange) -> None:
        if exchange.method == "tools/list":
            exchange.write_result(tools=[{"name": "sendgrid-x"}])
        else:
            exchange.write_result(content=[], isError="perhaps")

    async with probed(odd) as rig:
        await rig.engine.tools(binding())
        assert (await rig.call("sendgrid-x"))["isError"] == "perhaps"
        labels = {"agent": AGENT, "app": "sendgrid", "outcome": "tool_error"}
        assert rig.metrics.registry.get_sample_value("pipewise_runtime_calls_total", labels) == 1


async def looked_into(rig: Rig, lists: int) -> None:
    """Wait until the app was probed, and the user's own probe is under way."""
    await eventually(lambda: _answered(rig, "tools/list", lists))
    await under_way(rig)


async def test_a_users_probe_that_fails_after_his_binding_went_is_told_of_nobody(rig: Rig) -> None:
    await rig.serve(binding(resilience=ONE_TRY))
    await rig.serve(binding(name="other", user="other"))
    await rig.sandbox.admin.fault("delay", method="tools/list", user=USER, seconds=0.5)
    await rig.sandbox.admin.fault("status", user=USER, status=503)
    before = await rig.requests("tools/list")
    await rig.send()
    await looked_into(rig, before)
    rig.engine.drop(NAME)
    await eventually(lambda: _answered(rig, "tools/list", before + 1))
    await eventually(lambda: rig.metric("upstream_requests") == 0)
    assert rig.evidence.exceptions() == []


async def test_a_users_probe_clears_no_trouble_that_came_after_it_had_begun(rig: Rig) -> None:
    await rig.serve(binding(resilience=ONE_TRY))
    await rig.serve(binding(name="other", user="other"))
    await rig.sandbox.admin.fault("delay", method="tools/list", user=USER, seconds=0.5)
    await rig.sandbox.admin.fault("status", method="tools/call", user=USER, status=503)
    before = await rig.requests("tools/list")
    await rig.send()
    await looked_into(rig, before)
    for _ in range(4):
        await rig.send()
    await eventually(lambda: _answered(rig, "tools/list", before + 1))
    await eventually(lambda: rig.metric("upstream_requests") == 0)
    assert problem(await rig.send())["attempts"] == 0


class Defective(OneToken):
    """A token that cannot be had at first, for a reason that nobody thought of."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def held(self, _project: str) -> Token | None:
        """None is at hand."""
        return None

    async def current(self, project: str) -> Token:
        """The token, from the second time on."""
        self.asked += 1
        if self.asked == 1:
            raise ZeroDivisionError
        return await super().current(project)


async def test_a_defect_that_a_probe_meets_is_logged_and_probing_goes_on() -> None:
    with capture_logs() as logged:
        async with probed(listing([{"name": "sendgrid-x"}]), tokens=Defective()) as rig:
            await eventually(lambda: [each.state for each in rig.evidence.providers()] == ["Available"])
    assert "probe_broke" in {each["event"] for each in logged}


async def test_a_call_waits_for_a_token_no_longer_than_it_may() -> None:
    tokens = Withheld()
    async with probed(listing([{"name": "sendgrid-x"}]), tokens=tokens) as rig:
        await rig.engine.tools(binding())
        rig.engine.serve(binding(replace(service(), timeout_seconds=0.1)))
        tokens.is_there.clear()
        told = problem(await rig.call("sendgrid-x"))
    assert (told["reason"], told["outcome"]) == ("ProjectCredentialInvalid", "not_run")


async def _answered(rig: Rig, method: str, beyond: int = 0) -> bool:
    """Whether more requests of a method were answered than that."""
    return await rig.requests(method) > beyond
