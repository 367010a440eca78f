"""The runtime's inner half: bindings and projects come and go, many callers share, tools are found."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio

from pipewise_runtime.ports import Token, TokenUnavailableError, UnknownToolError, UpstreamFaultError
from pipewise_runtime.served import Project, ServedBinding
from support.cutting import cuttable
from support.engine import AGENT, READ, SEND, USER, Rig, binding, problem, running_engine, service
from support.eventually import eventually
from support.sandbox import PROJECT, sandbox

NAME = "coordinator-user-42"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        yield running


async def names(rig: Rig, made: ServedBinding) -> list[str]:
    """The tools an agent sees."""
    return [tool["name"] for tool in json.loads(await rig.engine.tools(made))["tools"]]


async def test_fifty_callers_share_connections_and_one_session(rig: Rig) -> None:
    await rig.serve(binding())
    results = await asyncio.gather(*(rig.send() for _ in range(50)))
    assert not any(result.get("isError") for result in results)
    assert await rig.sent() == 50
    opened = await rig.requests("initialize")
    assert opened == 1
    assert rig.engine.sessions == 1
    before = (await rig.sandbox.admin.requests())["connections"]
    await asyncio.gather(*(rig.read() for _ in range(50)))
    assert (await rig.sandbox.admin.requests())["connections"] <= before + 1


async def test_a_first_call_cancelled_while_its_session_opens_does_not_harm_the_second(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.add_account("user-7", "sendgrid")
    rig.engine.serve(binding(name="b7", user="user-7"))
    await rig.sandbox.admin.fault("delay", method="initialize", seconds=0.3, times=1)
    first, second = (asyncio.create_task(rig.call(READ, user="user-7")) for _ in range(2))
    await eventually(lambda: bool(rig.engine._pool._opening))
    first.cancel()
    assert not (await second).get("isError")
    assert await rig.requests("initialize") == 2


async def test_a_binding_dropped_while_its_session_opens_keeps_no_session(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.serve(binding(name="b7", user="user-7"))
    await rig.sandbox.admin.fault("delay", method="initialize", seconds=0.3, times=1)
    call = asyncio.create_task(rig.call(READ, user="user-7"))
    await eventually(lambda: bool(rig.engine._pool._opening))
    rig.engine.drop("b7")
    await call
    assert rig.engine.sessions == 1
    assert not rig.engine._pool._opening


async def test_paging_upstream_brings_all_tools(rig: Rig) -> None:
    made = await rig.serve(binding())
    whole = await names(rig, made)
    await rig.sandbox.admin.settings(toolPageSize=3)
    rig.engine.drop(NAME)
    rig.engine.serve(made)
    assert await names(rig, made) == whole
    assert len(whole) > 3
    assert rig.evidence.providers()[0].tools == len(whole)


async def test_only_allowed_tools_are_offered_and_called(rig: Rig) -> None:
    limited = replace(service(), allow=("sendgrid-*",), deny=("*-send-*",))
    made = await rig.serve(binding(limited))
    assert READ in await names(rig, made)
    assert SEND not in await names(rig, made)
    with pytest.raises(UnknownToolError):
        await rig.send()
    assert await rig.requests("tools/call") == 0
    assert not (await rig.read()).get("isError")


@pytest.mark.parametrize("name", ["sendgrid-no-such-tool", "twitter-create-tweet", "x", ""])
async def test_a_tool_never_offered_is_refused_without_a_request(rig: Rig, name: str) -> None:
    await rig.serve(binding())
    with pytest.raises(UnknownToolError):
        await rig.call(name)
    assert await rig.requests("tools/call") == 0


@pytest.mark.parametrize("params", [b"", b"5", b"{}", b'{"name":5}', b'{"name":"x"', b'{"name":"\xff"}'])
async def test_parameters_that_are_none_are_the_callers_mistake(rig: Rig, params: bytes) -> None:
    made = await rig.serve(binding())
    with pytest.raises(ValueError, match="tools/call"):
        await rig.raw(made, params)


async def test_two_services_of_one_app_are_told_apart_and_both_work(rig: Rig) -> None:
    account = await rig.sandbox.admin.add_account(USER, "sendgrid")
    work, private = service("work"), replace(service("private"), account_id=account)
    made = await rig.serve(binding(work, private), accounts=False)
    assert {SEND, f"private_{SEND}"} <= set(await names(rig, made))
    assert not (await rig.call(f"private_{READ}")).get("isError")
    assert not (await rig.call(READ)).get("isError")
    assert rig.engine.sessions == 2
    assert {entry["tool"] for entry in await rig.sandbox.admin.ledger()} == {READ}
    rig.engine.serve(binding(work, service("private")))
    assert rig.engine.sessions == 1, "the session of an account no longer pinned must go"


async def test_two_projects_do_not_share_sessions_nor_fates(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.serve_project(Project("second", PROJECT, "development", rig.sandbox.mcp_url))
    await rig.serve(binding(name="b2", user="user-2", project="second"))
    await rig.sandbox.admin.fault("quota", user="user-2", retryAfter=60)
    assert problem(await rig.call(READ, user="user-2"))["reason"] == "QuotaExhausted"
    assert not (await rig.send()).get("isError")
    assert {each.project for each in rig.evidence.providers()} == {"default", "second"}
    assert rig.metric("quota_exhausted", project="default") == 0
    assert rig.metric("quota_exhausted", project="second") == 1
    rig.engine.drop_project("second")
    assert rig.engine.sessions == 1


async def test_a_call_goes_on_while_its_binding_changes_and_goes(rig: Rig) -> None:
    made = await rig.serve(binding())
    await rig.sandbox.admin.fault("delay", method="tools/call", seconds=0.3)
    for change in (
        lambda: rig.engine.serve(replace(made, services=(service("other", "twitter"),))),
        lambda: rig.engine.drop(NAME),
        lambda: rig.engine.drop_project("default"),
    ):
        sent = await rig.sent()
        rig.engine.serve_project(Project("default", PROJECT, "development", rig.sandbox.mcp_url))
        await rig.serve(made)
        call = asyncio.create_task(rig.send())
        await eventually(lambda: rig.metric("upstream_requests") == 1)
        change()
        assert not (await call).get("isError")
        assert await rig.sent() == sent + 1
    rig.engine.drop(NAME)
    assert rig.engine.binding(AGENT, USER) is None
    assert rig.evidence.projects() == []


async def test_a_binding_made_anew_under_its_name_never_serves_the_user_before(rig: Rig) -> None:
    made = await rig.serve(binding())
    await rig.serve(replace(made, user="user-7"))
    assert rig.engine.binding(AGENT, USER) is None
    with pytest.raises(UnknownToolError):
        await rig.raw(made, b'{"name":"%b"}' % READ.encode())
    assert await rig.requests("tools/call") == 0
    rig.engine.drop(NAME)
    assert await names(rig, made) == []


async def test_a_call_for_a_binding_that_is_gone_is_an_unknown_tool(rig: Rig) -> None:
    made = await rig.serve(binding())
    rig.engine.drop(NAME)
    rig.engine.drop(NAME)
    with pytest.raises(UnknownToolError):
        await rig.raw(made, b'{"name":"%b"}' % SEND.encode())


async def test_a_json_rpc_error_goes_to_the_caller_as_it_is(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("rpc_error", method="tools/call", code=-32602, message="no such thing")
    with pytest.raises(UpstreamFaultError) as caught:
        await rig.send()
    assert json.loads(caught.value.error)["code"] == -32602


async def test_a_project_that_moves_leaves_no_session_at_the_old_place(rig: Rig) -> None:
    await rig.serve(binding())
    async with cuttable(rig.sandbox.url) as line:
        rig.engine.serve_project(Project("default", PROJECT, "development", f"{line.url}/v3"))
        assert rig.engine.sessions == 0
        assert not (await rig.send()).get("isError")
        assert rig.engine.sessions == 1
        await rig.engine.stop()


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/v3", "http://[::1/v3", "http://a..b/v3"])
async def test_an_impossible_url_is_told_in_the_call(rig: Rig, url: str) -> None:
    await rig.serve(binding())
    rig.engine.serve_project(Project("default", PROJECT, "development", url))
    assert problem(await rig.send())["outcome"] == "not_run"


async def none_comes() -> Token:
    await asyncio.Event().wait()
    raise AssertionError


async def none_is_had() -> Token:
    raise TokenUnavailableError("the client secret is wrong")


@pytest.mark.parametrize("instead", [none_comes, none_is_had])
async def test_where_no_other_token_comes_the_project_is_to_blame_and_nothing_is_sent(
    rig: Rig, instead: Callable[[], Awaitable[Token]]
) -> None:
    await rig.serve(binding(replace(service(), timeout_seconds=0.5)))
    rig.tokens.instead = instead
    await rig.sandbox.admin.expire_tokens()
    refused = problem(await rig.send())
    assert (refused["reason"], refused["outcome"]) == ("ProjectCredentialInvalid", "not_run")
    assert refused["attempts"] == 1
    assert not rig.engine._registry.user_breakers
    assert rig.state() == "Available"
