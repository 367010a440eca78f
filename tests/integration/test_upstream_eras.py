"""Upstreams of either era of MCP, and those that change their mind: the calls of both kinds of callers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from pipewise_runtime.core.eras import PLAIN, UNASKED, Speaks
from pipewise_runtime.ports import Caller, HeaderMismatchError, UpstreamFaultError
from pipewise_runtime.server.questions import unasked
from support.engine import binding, problem, service
from support.eventually import eventually
from support.hostile import Exchange
from support.probed import Probed, probed
from support.serving import call, served, url_of

TOOL = "sendgrid-x"
REGION = {"type": "string", "x-mcp-header": "Region"}
TOOLS = [{"name": TOOL, "inputSchema": {"type": "object", "properties": {"region": REGION}}}]
ENVELOPE = {"protocolVersion": "2026-07-28", "clientCapabilities": {}}
REFUSED = {"error": {"code": -32600, "message": "initialize? never heard of it"}}


def answering(exchange: Exchange) -> None:
    """Answer a call."""
    exchange.write_json(exchange.answer())


def refusing(status: int) -> Callable[[Exchange], None]:
    """Answer with a status and nothing else."""
    return lambda exchange: exchange.refuse(status)


NOT_FOUND = refusing(404)


def faulty(status: int, code: object) -> Callable[[Exchange], None]:
    """Answer with an error of JSON-RPC."""

    def answer(exchange: Exchange) -> None:
        body = {"jsonrpc": "2.0", "id": exchange.identity, "error": {"code": code, "message": "no"}}
        exchange.refuse(status, json.dumps(body).encode(), b"application/json")

    return answer


@dataclass
class Both:
    """An upstream that speaks both eras until it is told otherwise."""

    versions: object = ("2026-07-28",)
    on_discover: Callable[[Exchange], None] | None = None
    """What it says to server/discover in place of its versions."""
    on_call: Callable[[Exchange], None] = answering
    on_old_call: Callable[[Exchange], None] = answering
    calls: list[Exchange] = field(default_factory=list)

    async def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        if exchange.method == "server/discover":
            if self.on_discover:
                self.on_discover(exchange)
            else:
                exchange.write_result(supportedVersions=self.versions, capabilities={})
        elif exchange.method == "tools/list":
            exchange.write_result(tools=TOOLS)
        elif exchange.method == "tools/call":
            self.calls.append(exchange)
            (self.on_call if b"2026-07-28" in exchange.head else self.on_old_call)(exchange)


def caller(speaks: Speaks = UNASKED, headers: dict[str, str] | None = None) -> Caller:
    return Caller(lambda _: None, unasked, speaks, headers)


def header(exchange: Exchange, name: bytes) -> bytes:
    """What a request's header says; nothing where there is none."""
    lines = [line.partition(b": ") for line in exchange.head.split(b"\r\n")]
    return next((value for found, _, value in lines if found == name), b"")


async def called(rig: Probed, who: Caller, user: str = "user-42", **arguments: str) -> dict[str, Any]:
    """The decoded result of a call."""
    bound = rig.engine.binding("coordinator", user)
    assert bound
    params = json.dumps({"name": TOOL, "arguments": arguments}).encode()
    result: dict[str, Any] = json.loads(await rig.engine.call(bound, params, who))
    return result


async def test_arguments_travel_as_headers_too_where_the_tool_says_so() -> None:
    app = Both()
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        said = {"mcp-param-region": "eu"}
        assert (await called(rig, caller(headers=said), region="eu"))["content"]
        assert header(app.calls[0], b"mcp-method") == b"tools/call"
        assert header(app.calls[0], b"mcp-name") == TOOL.encode()
        assert header(app.calls[0], b"mcp-param-region") == b"eu"
        with pytest.raises(HeaderMismatchError, match="mcp-param-region"):
            await called(rig, caller(headers=said), region="us")
        assert len(app.calls) == 1


@pytest.mark.parametrize(("said", "status"), [(["eu"], 200), (["us"], 400), ([], 400), (["eu", "eu"], 400)])
async def test_a_header_that_contradicts_its_argument_is_refused_at_the_door(
    said: list[str], status: int
) -> None:
    meta = {f"io.modelcontextprotocol/{name}": value for name, value in ENVELOPE.items()}
    body = call(TOOL, region="eu")
    body["params"]["_meta"] = meta
    headers = [("Mcp-Method", "tools/call"), ("Mcp-Name", TOOL), ("MCP-Protocol-Version", "2026-07-28")]
    headers += [("Mcp-Param-Region", value) for value in said]
    async with probed(Both()) as rig:
        await rig.engine.tools(binding())
        async with served(rig.engine) as base, httpx2.AsyncClient() as client:
            reply = await client.post(url_of(base), json=body, headers=headers)
    assert reply.status_code == status
    assert ("error" in reply.json()) == (status == 400)


@pytest.mark.parametrize(
    "lost",
    [
        NOT_FOUND,
        faulty(400, -32022),
        faulty(404, -32022),
        lambda exchange: exchange.refuse(400, b"{", b"application/json"),
        lambda exchange: exchange.refuse(404, b"{}", b"application/json"),
    ],
    ids=["not found", "version refused", "version not found", "not JSON", "no answer"],
)
async def test_an_upstream_that_gives_up_2026_07_28_is_spoken_to_as_before_it(
    lost: Callable[[Exchange], None],
) -> None:
    app = Both()
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        assert (await called(rig, caller()))["content"]
        app.on_call, app.on_discover = lost, NOT_FOUND
        assert (await called(rig, caller()))["content"]
        assert [bool(header(each, b"mcp-session-id")) for each in app.calls] == [False, False, True]


@pytest.mark.parametrize("code", [-32050, "not a number"])
async def test_another_error_with_such_a_status_is_the_answer(code: object) -> None:
    app = Both(on_call=faulty(400, code))
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        with pytest.raises(UpstreamFaultError) as told:
            await called(rig, caller())
        assert json.loads(told.value.error)["code"] == code


@pytest.mark.parametrize(
    ("app", "asks"),
    [
        (Both(on_discover=NOT_FOUND), 1),
        (Both(versions=["2027-01-01"]), 1),
        (Both(versions="all of them"), 1),
        (Both(on_discover=faulty(200, -32601)), 1),
        (Both(on_discover=refusing(500)), 2),
    ],
    ids=["not found", "another version", "malformed", "unknown method", "broken"],
)
async def test_an_upstream_without_2026_07_28_serves_its_callers_and_is_asked_for_it_again_only_if_it_broke(
    app: Both, asks: int
) -> None:
    async with probed(app) as rig:
        rig.engine.serve(binding(name="other", user="other"))
        await rig.engine.tools(binding())
        for user in ("user-42", "other"):
            assert (await called(rig, caller(), user))["content"]
        assert rig.upstream.seen.count("server/discover") == asks


async def test_an_upstream_that_lets_nobody_open_a_session_is_said_not_to_have_acted() -> None:
    app = Both(on_discover=NOT_FOUND)
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        rig.engine.serve(binding(name="other", user="other"))
        rig.upstream.opening = REFUSED
        told = problem(await called(rig, caller(), "other"))
        assert (told["reason"], told["outcome"]) == ("UpstreamUnavailable", "not_run")
        assert app.calls == []


async def test_losing_one_session_of_a_user_keeps_those_of_callers_who_speak_otherwise() -> None:
    def forgetful(exchange: Exchange) -> None:
        app.on_old_call = answering
        exchange.refuse(404)

    app = Both()
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        assert (await called(rig, caller()))["content"]
        before = rig.engine.sessions
        app.on_old_call = forgetful
        assert (await called(rig, caller(PLAIN)))["content"]
        assert rig.engine.sessions == before == 2
        assert rig.upstream.seen.count("server/discover") == 1


async def test_a_session_that_is_not_opened_in_time_is_not_waited_for() -> None:
    def silent(_exchange: Exchange) -> None:
        """Say nothing."""

    app = Both(on_discover=silent)
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        rig.engine.serve(binding(replace(service(), timeout_seconds=0.2)))
        told = problem(await called(rig, caller()))
        assert (told["reason"], told["outcome"]) == ("UpstreamUnavailable", "not_run")


def wanting(**result: object) -> Callable[[Exchange], None]:
    """Ask for input in place of an answer."""
    return lambda exchange: exchange.write_result(resultType="input_required", **result)


async def test_a_caller_of_the_older_era_does_not_notice_that_an_upstream_only_wants_its_state_back() -> None:
    def in_the_end(exchange: Exchange) -> None:
        if len(app.calls) < 3:
            wanting(requestState=f"step {len(app.calls)}")(exchange)
        else:
            answering(exchange)

    app = Both(on_call=in_the_end)
    async with probed(app) as rig:
        rig.upstream.opening = REFUSED
        await eventually(lambda: "tools/list" in rig.upstream.seen)
        await rig.engine.tools(binding())
        assert (await called(rig, caller(PLAIN)))["content"]
        states = [each.message["params"].get("requestState") for each in app.calls]
        assert states == [None, "step 1", "step 2"]


async def test_an_upstream_that_asks_without_end_is_told_to_the_caller() -> None:
    app = Both(on_call=wanting())
    async with probed(app) as rig:
        rig.upstream.opening = REFUSED
        await eventually(lambda: "tools/list" in rig.upstream.seen)
        await rig.engine.tools(binding())
        with pytest.raises(UpstreamFaultError) as told:
            await called(rig, caller(PLAIN))
        assert b"went on asking" in told.value.error
