"""Clients that do not read while an upstream goes on notifying: what is kept for them stays within bounds."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipewise_runtime.server.agents import AgentsApp
from support.memory_calls import FLOOD, MemoryCalls
from support.raw_http import Client, Site, post, site
from support.serving import PATH, call, rpc

SSE = PATH.removesuffix("mcp") + "sse"
ASKABLE = {"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}}}


@pytest.fixture
async def there(calls: MemoryCalls) -> AsyncIterator[Site]:
    async with site(AgentsApp(calls, is_loopback=True)) as running:
        yield running


async def test_a_reply_that_is_not_read_drops_notifications_and_keeps_the_result(
    there: Site, calls: MemoryCalls
) -> None:
    async with there.client() as client, asyncio.timeout(60):
        opened, _ = await _posted(client, PATH, rpc("initialize", ASKABLE))
        client.send(_post(PATH, call("flood", id="f"), b"Mcp-Session-Id: " + opened[b"mcp-session-id"]))
        await calls.flooded.wait()
        await _expect_the_result_after_part_of_the_flood(client)


async def test_a_stream_that_is_not_read_drops_notifications_and_keeps_the_result(
    there: Site, calls: MemoryCalls
) -> None:
    async with there.client() as stream, there.client() as client, asyncio.timeout(60):
        stream.send(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % SSE.encode())
        await stream.reader.readuntil(b"data: ")
        path = (await stream.reader.readline()).decode().strip()
        await _posted(client, path, rpc("initialize", ASKABLE))
        await stream.reader.readuntil(b"data: ")
        await _posted(client, path, call("flood", id="f"))
        await calls.flooded.wait()
        await _expect_the_result_after_part_of_the_flood(stream)


async def _expect_the_result_after_part_of_the_flood(client: Client) -> None:
    size = 0
    while b'"id":"f"' not in (line := await client.reader.readline()):
        size += len(line)
    assert size < FLOOD / 2
    result = json.loads(line.removeprefix(b"data: "))["result"]
    assert "takes no such request" in result["content"][0]["text"], "a question was put to who does not read"


async def _posted(client: Client, path: str, message: dict[str, Any]) -> tuple[dict[bytes, bytes], bytes]:
    client.send(_post(path, message))
    _, headers, body = await client.response()
    return headers, body


def _post(path: str, message: dict[str, Any], *headers: bytes) -> bytes:
    accept = b"Accept: application/json, text/event-stream"
    text = post(
        json.dumps(message).encode(),
        accept,
        b"Content-Type: application/json",
        *headers,
        target=path.encode(),
    )
    return text.replace(b"Host: here", b"Host: localhost")
