"""MCP 2026-07-28 at the level of HTTP: what is checked, and what is answered."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from support.memory_calls import MemoryCalls
from support.serving import PATH, rpc

KEY = "io.modelcontextprotocol/"
META = {KEY + "protocolVersion": "2026-07-28", KEY + "clientCapabilities": {}}
VERSION = {"MCP-Protocol-Version": "2026-07-28", "Accept": "application/json, text/event-stream"}


async def ask(
    http: httpx2.AsyncClient, method: str, params: dict[str, Any] | None = None, **headers: str
) -> httpx2.Response:
    named = {"Mcp-Name": params["name"]} if params and "name" in params else {}
    sent = {**VERSION, "Mcp-Method": method, **named, **headers}
    return await http.post(PATH, json=rpc(method, {"_meta": META, **(params or {})}), headers=sent)


async def test_a_request_that_keeps_the_rules_is_answered_completely(http: httpx2.AsyncClient) -> None:
    listed = (await ask(http, "tools/list")).json()["result"]
    assert (listed["resultType"], listed["cacheScope"], listed["ttlMs"]) == ("complete", "private", 0)
    called = (await ask(http, "tools/call", {"name": "echo", "arguments": {"text": "hi"}})).json()["result"]
    assert (called["resultType"], called["content"][0]["text"]) == ("complete", "hi")
    found = (await ask(http, "server/discover")).json()["result"]
    assert "2026-07-28" in found["supportedVersions"]


@pytest.mark.parametrize(
    ("method", "params", "headers", "expected"),
    [
        ("ping", {}, {}, (-32601, 404)),
        ("initialize", {}, {}, (-32601, 404)),
        ("tools/list", {"_meta": None}, {}, (-32602, 400)),
        ("tools/list", {"_meta": {KEY + "clientCapabilities": {}}}, {}, (-32602, 400)),
        ("tools/list", {"_meta": {**META, KEY + "clientCapabilities": 7}}, {}, (-32602, 400)),
        ("tools/list", {"_meta": {**META, KEY + "protocolVersion": 7}}, {}, (-32020, 400)),
        ("tools/list", {"_meta": None}, {"MCP-Protocol-Version": "2027-01-01"}, (-32022, 400)),
        ("tools/list", {}, {"Mcp-Method": "tools/call"}, (-32020, 400)),
        ("tools/call", {"name": "echo"}, {"Mcp-Name": "another"}, (-32020, 400)),
        ("tools/list", {}, {"MCP-Protocol-Version": "2027-01-01"}, (-32020, 400)),
        ("tools/call", {"name": "no-such-tool"}, {}, (-32602, 400)),
        ("tools/call", {"name": "fault"}, {}, (-32099, 200)),
    ],
)
async def test_a_fault_has_its_code_and_status(
    http: httpx2.AsyncClient,
    method: str,
    params: dict[str, Any],
    headers: dict[str, str],
    expected: tuple[int, int],
) -> None:
    reply = await ask(http, method, params, **headers)
    assert (reply.json()["error"]["code"], reply.status_code) == expected
    assert reply.json()["id"] == 1


async def test_log_messages_come_only_where_the_request_asks_for_them(http: httpx2.AsyncClient) -> None:
    silent = await ask(http, "tools/call", {"name": "log"})
    assert silent.headers["content-type"] == "application/json"
    said = {"name": "log", "_meta": {**META, KEY + "logLevel": "info"}}
    told = await ask(http, "tools/call", said)
    assert told.headers["content-type"] == "text/event-stream"
    assert "notifications/message" in told.text
    said = {"name": "log", "_meta": {**META, KEY + "logLevel": "error"}}
    assert "notifications/message" not in (await ask(http, "tools/call", said)).text


async def test_a_client_that_cancels_by_going_away_ends_its_call(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    running = asyncio.create_task(ask(http, "tools/call", {"name": "hang"}))
    await calls.started.wait()
    running.cancel()
    async with asyncio.timeout(5):
        await calls.cancelled.wait()


async def test_batches_and_responses_are_refused_and_notifications_taken(http: httpx2.AsyncClient) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    for body, status in (([note], 400), ({"jsonrpc": "2.0", "id": 1, "result": {}}, 400), (note, 202)):
        assert (await http.post(PATH, json=body, headers=VERSION)).status_code == status


async def test_a_notification_of_a_version_that_is_not_spoken_is_told_which_are(
    http: httpx2.AsyncClient,
) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    reply = await http.post(PATH, json=note, headers={"MCP-Protocol-Version": "2027-01-01"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, -32022)


async def test_a_version_in_the_body_alone_is_a_mismatch(http: httpx2.AsyncClient) -> None:
    reply = await http.post(PATH, json=rpc("tools/list", {"_meta": META}))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, -32020)


async def test_a_listener_is_acknowledged_and_told_of_changes_under_its_own_id(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    body = rpc("subscriptions/listen", {"_meta": META, "notifications": {"toolsListChanged": True}}, "sub")
    headers = {**VERSION, "Mcp-Method": "subscriptions/listen"}
    async with asyncio.timeout(5), http.stream("POST", PATH, json=body, headers=headers) as reply:
        lines = (line async for line in reply.aiter_lines() if line.startswith("data: "))
        first = json.loads((await anext(lines)).removeprefix("data: "))
        calls.change()
        second = json.loads((await anext(lines)).removeprefix("data: "))
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert second["method"] == "notifications/tools/list_changed"
    assert {each["params"]["_meta"][KEY + "subscriptionId"] for each in (first, second)} == {"sub"}
