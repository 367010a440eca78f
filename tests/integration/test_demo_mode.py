"""Demo mode: made-up results, marked as such, without one request to the real service."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pipewise_crds import AccountState
from pipewise_runtime.ports import UnknownToolError
from support.engine import AGENT, MAIL, SEND, USER, Rig, binding, problem, running_engine, service, text
from support.eventually import eventually
from support.sandbox import sandbox


def tools(listing: bytes) -> set[str]:
    """The names in an encoded result of tools/list."""
    return {tool["name"] for tool in json.loads(listing)["tools"]}


async def assert_demo(rig: Rig, result: dict[str, Any]) -> None:
    """The result is marked twice, and Pipedream was never asked for anything."""
    assert text(result).startswith("[demo]")
    assert result["_meta"]["pipewise/demo"] is True
    assert (await rig.sandbox.admin.requests())["requests"] == {}
    assert await rig.sandbox.admin.ledger() == []


@pytest.mark.parametrize("account", ["Healthy", "Missing", "Unknown"])
async def test_always_means_made_up_results_whatever_the_account(account: AccountState) -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        made = binding(service(account=account), demo="Always")
        rig.engine.serve(made)
        assert SEND in tools(await rig.engine.tools(made))
        assert rig.metric("demo_calls_total", agent=AGENT, app="sendgrid") == 0
        result = await rig.send()
        assert not result.get("isError")
        await assert_demo(rig, result)
        assert rig.metric("demo_calls_total", agent=AGENT, app="sendgrid") == 1


@pytest.mark.parametrize("account", ["Missing", "Unhealthy", "Dead"])
async def test_without_a_usable_account_the_service_is_made_up(account: AccountState) -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        rig.engine.serve(binding(service(account=account), demo="WhenUnauthorized"))
        await assert_demo(rig, await rig.send())


@pytest.mark.parametrize("account", ["Healthy", "Unknown"])
async def test_with_an_account_or_before_one_knows_the_service_is_real(account: AccountState) -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        await rig.serve(binding(service(account=account), demo="WhenUnauthorized"))
        result = await rig.send()
        assert not text(result).startswith("[demo]")
        assert await rig.sent() == 1


async def test_never_means_that_a_missing_account_is_told() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        rig.engine.serve(binding(service(account="Missing"), demo="Never"))
        assert problem(await rig.send())["reason"] == "CredentialInvalid"


async def test_one_service_may_be_made_up_while_another_is_real() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        made = binding(service(), service("twitter", "twitter", "Missing"), demo="WhenUnauthorized")
        await rig.serve(made)
        assert {SEND, "twitter-create-tweet"} <= tools(await rig.engine.tools(made))
        assert text(await rig.call("twitter-create-tweet", {"text": "hola"})).startswith("[demo]")
        assert not text(await rig.send()).startswith("[demo]")
        assert {entry["app"] for entry in await upstream.admin.ledger()} == {"sendgrid"}
        assert [each.app for each in rig.evidence.providers()] == ["sendgrid"]


async def test_a_connected_account_ends_the_demo_and_a_lost_one_begins_it() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        missing = binding(service(account="Missing"), demo="WhenUnauthorized")
        rig.engine.serve(missing)
        assert text(await rig.send()).startswith("[demo]")
        await rig.serve(replace(missing, services=(service(),)))
        assert not text(await rig.send()).startswith("[demo]")
        rig.engine.serve(missing)
        assert text(await rig.send()).startswith("[demo]")
        assert rig.evidence.providers() == []
        assert rig.engine.sessions == 0


async def test_trouble_of_a_user_is_not_probed_once_his_service_is_made_up() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        await rig.serve(binding())
        await rig.serve(binding(name="other", user="user-7"))
        await upstream.admin.fault("status", status=503, user=USER)
        await rig.send()
        assert rig.engine._registry.user_breakers
        rig.engine.serve(binding(service(account="Dead"), demo="WhenUnauthorized"))
        await eventually(lambda: not rig.engine._registry.user_breakers)


@pytest.mark.parametrize("arguments", [{}, {"fromEmail": 5}, {**MAIL, "toEmail": None}])
async def test_wrong_arguments_are_a_marked_error_of_the_tool(arguments: dict[str, Any]) -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        rig.engine.serve(binding(demo="Always"))
        result = await rig.call(SEND, arguments)
        assert result["isError"] is True
        await assert_demo(rig, result)


@pytest.mark.parametrize("arguments", [b"5", b'"x"', b"[]"])
async def test_arguments_that_are_no_object_are_the_callers_mistake(arguments: bytes) -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        made = binding(demo="Always")
        rig.engine.serve(made)
        params = b'{"name":"%b","arguments":%b}' % (SEND.encode(), arguments)
        with pytest.raises(ValueError, match="arguments"):
            await rig.raw(made, params)


async def test_no_arguments_and_null_are_both_none() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        made = binding(demo="Always")
        rig.engine.serve(made)
        for rest in (b"", b',"arguments":null'):
            params = b'{"name":"sendgrid-list-global-suppressions"%b}' % rest
            result = json.loads(await rig.raw(made, params))
            assert not result.get("isError")


async def test_an_app_the_sandbox_does_not_know_has_no_tools_to_make_up() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        made = binding(service("odd", "no_such_app"), demo="Always")
        rig.engine.serve(made)
        assert await rig.engine.tools(made) == b'{"tools":[]}'
        with pytest.raises(UnknownToolError):
            await rig.call("no_such_app-do", {})


async def test_every_app_of_the_profiles_can_be_made_up() -> None:
    apps = ["twitter", "calendly_v2", "google_calendar", "pipedrive", "salesforce_rest_api", "zoho_crm"]
    services = tuple(service(app.replace("_", "-"), app) for app in apps)
    async with sandbox() as upstream, running_engine(upstream) as rig:
        made = binding(*services, demo="Always")
        rig.engine.serve(made)
        for name in tools(await rig.engine.tools(made)):
            assert text(await rig.call(name, {})).startswith("[demo]")
