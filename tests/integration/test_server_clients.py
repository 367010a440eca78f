"""Real MCP clients against the agents' server."""

import asyncio
from typing import Literal

import pytest
from agents.mcp import MCPServerStreamableHttp
from mcp import Client
from mcp.shared.exceptions import MCPError

from support.memory_calls import MemoryCalls
from support.serving import url_of

VERSIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
MODES: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")


@pytest.fixture
def url(base: str) -> str:
    return url_of(base)


@pytest.mark.parametrize("mode", MODES)
async def test_the_official_client_initializes_lists_and_calls(
    url: str, mode: Literal["auto", "legacy"]
) -> None:
    async with Client(url, mode=mode) as client:
        assert client.protocol_version == VERSIONS[mode]
        tools = await client.list_tools()
        result = await client.call_tool("echo", {"text": "hello"})
    assert tools.tools[0].name == "echo"
    assert result.content[0].text == "hello"


@pytest.mark.parametrize("mode", MODES)
async def test_progress_reaches_the_official_client_before_the_result(
    url: str, mode: Literal["auto", "legacy"]
) -> None:
    seen: list[float] = []

    async def on_progress(progress: float, _total: float | None, _message: str | None) -> None:
        seen.append(progress)

    async with Client(url, mode=mode) as client:
        result = await client.call_tool("progress", {}, progress_callback=on_progress)
    assert seen == [1, 2, 3]
    assert result.content[0].text == "done"


async def test_an_upstream_fault_reaches_the_client_as_it_is(url: str) -> None:
    async with Client(url) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("fault", {})
    assert (caught.value.code, caught.value.message) == (-32099, "the upstream says no")


async def test_cancelling_the_clients_task_cancels_the_call(url: str, calls: MemoryCalls) -> None:
    async with Client(url) as client:
        call = asyncio.create_task(client.call_tool("hang", {}))
        async with asyncio.timeout(5):
            await calls.started.wait()
            call.cancel()
            await calls.cancelled.wait()


async def test_the_openai_agents_client_lists_and_calls(url: str) -> None:
    async with MCPServerStreamableHttp({"url": url}) as server:
        tools = await server.list_tools()
        result = await server.call_tool("echo", {"text": "hello"})
    assert len(tools) == 9
    assert result.content[0].text == "hello"


async def test_a_client_of_an_unserved_user_learns_why(url: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the client wraps it in an ExceptionGroup
        async with Client(url.replace("user-42", "nobody")):
            raise AssertionError("connected")
    assert "kubectl get amb" in str(_innermost(caught.value))


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
