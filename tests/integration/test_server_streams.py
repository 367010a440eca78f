"""Streams that clients keep open to hear of changes: how they begin, what keeps them alive, how they end."""

import asyncio
import json
from contextlib import AsyncExitStack

import httpx2
import pytest

from support.eventually import eventually
from support.memory_calls import MemoryCalls
from support.serving import PATH, post, rpc, served, url_of

KEY = "io.modelcontextprotocol/"
META = {KEY + "protocolVersion": "2026-07-28", KEY + "clientCapabilities": {}}
HEADERS = {
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "subscriptions/listen",
    "Accept": "application/json, text/event-stream",
}
LISTEN = rpc("subscriptions/listen", {"_meta": META}, "sub")
SSE = PATH.removesuffix("mcp") + "sse"


async def test_the_stream_of_a_get_tells_of_changes(http: httpx2.AsyncClient, calls: MemoryCalls) -> None:
    async with asyncio.timeout(5), http.stream("GET", PATH) as reply:
        lines = (line async for line in reply.aiter_lines() if line)
        assert await anext(lines) == ": ping"
        calls.change()
        calls.change()
        assert await anext(lines) == "event: message"
        told = json.loads((await anext(lines)).removeprefix("data: "))
        assert told["method"] == "notifications/tools/list_changed"
    await eventually(lambda: not calls.watchers)


@pytest.mark.parametrize(
    "notifications", [{}, {"toolsListChanged": False}, {"toolsListChanged": "yes"}, None]
)
async def test_a_listener_that_asks_for_nothing_is_told_so(
    http: httpx2.AsyncClient, calls: MemoryCalls, notifications: object
) -> None:
    wanted = {} if notifications is None else {"notifications": notifications}
    body = rpc("subscriptions/listen", {"_meta": META, **wanted}, "sub")
    async with asyncio.timeout(5), http.stream("POST", PATH, json=body, headers=HEADERS) as reply:
        lines = (line async for line in reply.aiter_lines() if line.startswith("data: "))
        heard = json.loads((await anext(lines)).removeprefix("data: "))
        assert heard["params"]["notifications"] == {}
        assert not calls.watchers


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("GET", {"Accept": "application/json"}, 406), ("POST", {**HEADERS, "Accept": "application/json"}, 406)],
)
async def test_a_client_that_takes_no_events_gets_no_stream(
    http: httpx2.AsyncClient, method: str, headers: dict[str, str], status: int
) -> None:
    body = LISTEN if method == "POST" else None
    assert (await http.request(method, PATH, json=body, headers=headers)).status_code == status


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    ("version", "status"), [("2026-07-28", 405), ("1999-01-01", 400), ("2027-01-01", 400)]
)
async def test_a_version_without_sessions_has_neither_their_streams_nor_their_ends(
    http: httpx2.AsyncClient, method: str, version: str, status: int
) -> None:
    reply = await http.request(method, PATH, headers={"MCP-Protocol-Version": version})
    assert reply.status_code == status
    assert version in reply.json()["error"]["message"]
    assert reply.headers.get("allow") == ("POST" if status == 405 else None)


async def test_an_unserved_user_gets_no_stream_but_the_next_step(http: httpx2.AsyncClient) -> None:
    reply = await http.get(url_of("", user="nobody"))
    assert reply.status_code == 404
    assert "kubectl get amb" in reply.json()["error"]["message"]


async def test_a_session_that_was_ended_gets_neither_a_stream_nor_a_batch_answered(
    http: httpx2.AsyncClient,
) -> None:
    opened = await post(http, rpc("initialize", {"protocolVersion": "2025-03-26"}))
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    assert (await post(http, [rpc("ping")], **session)).status_code == 200
    async with asyncio.timeout(5), http.stream("GET", PATH, headers=session) as reply:
        assert reply.status_code == 200
    assert (await http.delete(PATH, headers=session)).status_code == 204
    assert (await http.get(PATH, headers=session)).status_code == 404
    assert (await post(http, [rpc("ping")], **session)).status_code == 404


@pytest.mark.parametrize("path", [PATH, SSE])
async def test_a_silent_stream_is_kept_alive(calls: MemoryCalls, path: str) -> None:
    async with (
        asyncio.timeout(5),
        served(calls, ping_seconds=0.02) as base,
        httpx2.AsyncClient(base_url=base) as client,
        client.stream("GET", path) as reply,
    ):
        lines = (line async for line in reply.aiter_lines() if line == ": ping")
        assert [await anext(lines) for _ in range(3)] == [": ping"] * 3


async def test_all_streams_end_when_the_program_stops(calls: MemoryCalls) -> None:
    async with asyncio.timeout(5), AsyncExitStack() as running, httpx2.AsyncClient() as client:
        base = await running.enter_async_context(served(calls))
        async with (
            client.stream("GET", base + PATH) as standing,
            client.stream("GET", base + SSE) as oldest,
            client.stream("POST", base + PATH, json=LISTEN, headers=HEADERS) as listening,
        ):
            await running.aclose()
            assert (await standing.aread()).startswith(b": ping")
            assert (await oldest.aread()).startswith(b"event: endpoint")
            last = (await listening.aread()).decode().strip().splitlines()[-1]
    over = json.loads(last.removeprefix("data: "))
    assert (over["id"], over["result"]["resultType"]) == ("sub", "complete")
