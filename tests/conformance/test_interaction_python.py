"""The interaction suite with the Python clients: the official SDK in both eras, and openai-agents."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal

import pytest
from agents.mcp import MCPServer, MCPServerSse, MCPServerStreamableHttp
from mcp import Client
from mcp_types import ToolListChangedNotification

from support.interaction import EXPECTED, WITH_NOTIFICATIONS, interact
from support.mcp_upstream import McpUpstream


class Official:
    """The official client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def tools(self) -> list[str]:
        """The names of all tools."""
        names: list[str] = []
        page = await self.client.list_tools()
        names += [tool.name for tool in page.tools]
        while page.next_cursor:
            page = await self.client.list_tools(cursor=page.next_cursor)
            names += [tool.name for tool in page.tools]
        return names

    async def call(self, name: str, arguments: dict[str, Any]) -> tuple[str, Any, bool]:
        """A call's text, structured content, and whether it is an error."""
        result = await self.client.call_tool(name, arguments)
        return result.content[0].text, result.structured_content, bool(result.is_error)


class OpenAi:
    """An MCP server object of openai-agents."""

    def __init__(self, server: MCPServer) -> None:
        self.server = server

    async def tools(self) -> list[str]:
        """The names of all tools."""
        return [tool.name for tool in await self.server.list_tools()]

    async def call(self, name: str, arguments: dict[str, Any]) -> tuple[str, Any, bool]:
        """A call's text, structured content, and whether it is an error."""
        result = await self.server.call_tool(name, arguments)
        return result.content[0].text, result.structured_content, bool(result.is_error)


def hanging(upstream: McpUpstream) -> Callable[[], int]:
    return lambda: upstream.tools.started - upstream.tools.cancelled


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_sees_the_same(
    url: str, upstream: McpUpstream, mode: Literal["auto", "legacy"], way: str
) -> None:
    changed = asyncio.Event()
    progress: list[float] = []

    async def on_message(message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed.set()

    async def on_progress(done: float, _total: float | None, _words: str | None) -> None:
        progress.append(done)

    async with Client(url, mode=mode, message_handler=on_message) as client:
        assert client.protocol_version == ("2026-07-28" if mode == "auto" else "2025-11-25")
        seen = await interact(Official(client), hanging(upstream))
        await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
        seen |= {"progress": progress, "list changed": await _changes(client, changed)}
    assert seen == WITH_NOTIFICATIONS, way


async def _changes(client: Client, changed: asyncio.Event) -> bool:
    """Change the tools; whether the client hears of it on a stream of its own."""
    async with asyncio.timeout(10):
        if client.protocol_version != "2026-07-28":
            await client.call_tool("test_trigger_tool_change", {})
            return await changed.wait()
        async with client.listen(tools_list_changed=True) as events:
            await client.call_tool("test_trigger_tool_change", {})
            async for _ in events:
                return True
    return False


@asynccontextmanager
async def openai(url: str, kind: str) -> AsyncIterator[MCPServer]:
    made: AbstractAsyncContextManager[MCPServer]
    if kind == "sse":
        made = MCPServerSse({"url": url.removesuffix("mcp") + "sse"}, client_session_timeout_seconds=20)
    else:
        made = MCPServerStreamableHttp({"url": url}, client_session_timeout_seconds=20)
    async with made as server:
        yield server


@pytest.mark.parametrize("kind", ["streamable HTTP", "sse"])
async def test_openai_agents_see_the_same(url: str, upstream: McpUpstream, kind: str, way: str) -> None:
    """All but notifications: it takes no callback for progress, and as a 2026-07-28 client never listens."""
    async with openai(url, kind) as server:
        seen = await interact(OpenAi(server), hanging(upstream))
    assert seen == EXPECTED, way
