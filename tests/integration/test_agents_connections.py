"""Agents' MCP servers against the runtime's own server: connected, kept apart, used, cleaned up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from agents import Agent, RunContextWrapper
from agents.mcp import MCPServer, MCPUtil
from agents.tool_context import ToolContext
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from pipewise_agents import AgentContext, McpConfig, connected_servers
from pipewise_agents.memory_leads import MemoryLeads
from pipewise_agents.roles import ROLES
from pipewise_agents.transport import http_client
from support.agent_calls import AgentCalls, agents_served
from support.cutting import cuttable
from support.listening import free_port, listening

EVENT = "google_calendar-quick-add-event"
SCHEDULER = "meeting-scheduler"
NOT_DONE = "Ups, hubo un error al conectarse con Google Calendar. La acción no se realizó."
UNKNOWN = (
    "Ups, hubo un error al conectarse con Google Calendar. "
    "No se sabe si la acción se realizó: compruébelo antes de repetirla."
)


async def used(server: MCPServer, arguments: str = '{"text": "lunes"}', context: object = None) -> str:
    """What a model is shown when it uses the calendar on a server."""
    holder = context or AgentContext("u", MemoryLeads())
    tools = await MCPUtil.get_function_tools(server, False, RunContextWrapper(holder), Agent(name="any"))  # noqa: FBT003 - the SDK's own order
    [tool] = [tool for tool in tools if tool.name == EVENT]
    call = ToolContext(holder, tool_name=EVENT, tool_call_id="call-1", tool_arguments=arguments)
    answer: Any = await tool.on_invoke_tool(call, arguments)
    return str(answer["text"] if isinstance(answer, dict) else answer)


async def test_each_agent_gets_exactly_its_own_services() -> None:
    async with (
        agents_served(AgentCalls()) as url,
        connected_servers("u", ROLES, McpConfig(url)) as connections,
    ):
        apps = {
            agent: {tool.name.split("-", 1)[0] for server in servers for tool in await server.list_tools()}
            for agent, servers in connections.servers.items()
        }
    assert apps == {
        "coordinator": {"sendgrid", "twitter"},
        "meeting-scheduler": {"calendly_v2", "google_calendar"},
        "lead-administrator": {"pipedrive", "salesforce_rest_api", "zoho_crm"},
    }


async def test_tools_are_listed_once_however_often_they_are_asked_for() -> None:
    calls = AgentCalls()
    async with (
        agents_served(calls) as url,
        connected_servers("u", [SCHEDULER], McpConfig(url)) as connections,
    ):
        for _ in range(3):
            await connections.servers[SCHEDULER][0].list_tools()
    assert calls.listed == [SCHEDULER]


async def test_no_task_of_ours_outlives_its_block() -> None:
    async with agents_served(AgentCalls()) as url:
        before = asyncio.all_tasks()
        async with connected_servers("u", ROLES, McpConfig(url)):
            assert len(asyncio.all_tasks() - before) >= len(ROLES)
        left = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before}  # type: ignore[union-attr] - a running task has one
    assert not {name for name in left if not name.startswith(("RequestResponseCycle", "AgentsApp"))}


async def test_a_runtime_that_is_away_is_told_as_not_done_and_used_again_when_it_is_back() -> None:
    port, calls = free_port(), AgentCalls()
    config = McpConfig(f"http://127.0.0.1:{port}")
    async with AsyncExitStack() as first:
        await first.enter_async_context(agents_served(calls, port))
        async with connected_servers("u", [SCHEDULER], config) as connections:
            [server] = connections.servers[SCHEDULER]
            assert "Successfully added event" in await used(server)
            await first.aclose()
            assert await used(server) == NOT_DONE
            async with agents_served(calls, port):
                assert "Successfully added event" in await used(server)
    assert len(calls.made) == 2


async def test_a_connection_cut_in_a_call_is_told_as_unknown_and_does_not_end_the_session() -> None:
    async with (
        agents_served(AgentCalls()) as url,
        cuttable(url) as line,
        connected_servers("u", [SCHEDULER], McpConfig(line.url)) as connections,
    ):
        [server] = connections.servers[SCHEDULER]
        line.cut_next_reply()
        assert await used(server) == UNKNOWN
        assert "Successfully added event" in await used(server)


async def test_arguments_that_are_no_json_are_told_as_not_done() -> None:
    calls = AgentCalls()
    async with (
        agents_served(calls) as url,
        connected_servers("u", [SCHEDULER], McpConfig(url)) as connections,
    ):
        told = await used(connections.servers[SCHEDULER][0], "lunes")
    assert told == f"{EVENT}: los argumentos no son válidos. La acción no se realizó."
    assert calls.made == []


async def test_another_programs_run_context_is_left_alone() -> None:
    calls = AgentCalls(refusing={EVENT})
    async with (
        agents_served(calls) as url,
        connected_servers("u", [SCHEDULER], McpConfig(url)) as connections,
    ):
        assert await used(connections.servers[SCHEDULER][0], context={"mine": 1}) == UNKNOWN


async def test_a_managed_runtime_is_shown_the_mounted_token_as_it_is_at_that_moment(tmp_path: Path) -> None:
    token, seen = tmp_path / "token", []

    async def refuse(request: Request) -> Response:
        seen.append(request.headers.get("Authorization"))
        token.write_text("second")
        return Response(status_code=401)

    token.write_text("first\n")
    app = Starlette(routes=[Route("/{path:path}", refuse, methods=["GET", "POST"])])
    async with (
        listening(app) as url,
        connected_servers("u", [SCHEDULER], McpConfig(url, token_file=token)) as connections,
    ):
        assert connections.unavailable == {SCHEDULER}
    assert seen[0] == "Bearer first"
    assert set(seen[1:]) == {"Bearer second"}


async def test_http_with_sse_carries_parallel_calls() -> None:
    together = asyncio.Barrier(2)

    async def list_tools(_context: object, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name=EVENT, input_schema={"type": "object"})])

    async def call_tool(_context: object, _params: object) -> types.CallToolResult:
        await together.wait()
        return types.CallToolResult(content=[types.TextContent(type="text", text="hecho")])

    server: Server[Any] = Server("sse", on_list_tools=list_tools, on_call_tool=call_tool)
    transport = SseServerTransport("/messages/")

    async def connect(request: Request) -> Response:
        async with transport.connect_sse(request.scope, request.receive, request._send) as (
            incoming,
            outgoing,
        ):
            await server.run(incoming, outgoing, server.create_initialization_options())
        return Response()

    path = "/agents/{agent}/users/{user}/mcp"
    app = Starlette(routes=[Route(path, connect), Mount("/messages/", transport.handle_post_message)])
    async with (
        listening(app) as url,
        connected_servers("u", [SCHEDULER], McpConfig(url, transport="sse")) as connections,
    ):
        [calendar] = connections.servers[SCHEDULER]
        assert await asyncio.gather(used(calendar), used(calendar)) == ["hecho", "hecho"]


async def test_what_is_no_request_of_a_conversation_fails_as_any_request() -> None:
    async with http_client() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://127.0.0.1:{free_port()}/")


async def test_a_streamed_answer_is_passed_on_as_it_comes() -> None:
    more = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await more.wait()
        yield b"data: 2\n\n"

    async def answer(_request: Request) -> Response:
        return StreamingResponse(stream(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    async with listening(app) as url, http_client() as client, client.stream("POST", url) as response:
        seen = response.aiter_lines()
        assert await anext(seen) == "data: 1"
        more.set()
        assert [line async for line in seen if line] == ["data: 2"]
