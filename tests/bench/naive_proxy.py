"""A proxy as one writes it first with the MCP SDK: a server, and for each of its sessions a client per app.

Run as a program: `python -m bench.naive_proxy PORT UPSTREAM`. It is spared what would make it worse: one HTTP
client (and TLS context) for all sessions, lists asked for at the same time, plain JSON replies.
"""

import asyncio
import logging
import sys

import httpx2
import mcp_types as types
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from starlette.requests import Request

from .fixtures import APPS

Context = ServerRequestContext[dict[str, object], Request]


class Upstreams:
    """The clients of all sessions."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._http = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None), timeout=30)
        self._clients: dict[tuple[str, str], asyncio.Task[Client]] = {}
        self._owners: set[asyncio.Task[None]] = set()

    async def client(self, context: Context, app: str) -> Client:
        """The client for an app of the session that a request belongs to."""
        session = context.request.headers.get("mcp-session-id", "") if context.request else ""
        key = (session, app)
        if key not in self._clients:
            self._clients[key] = asyncio.create_task(self._connected(app))
        return await self._clients[key]

    async def _connected(self, app: str) -> Client:
        """Connect in a task that lives on: a client must be left by the task that entered it."""
        connected: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

        async def own() -> None:
            transport = streamable_http_client(f"{self._upstream}/mcp/{app}", http_client=self._http)
            async with Client(transport, mode="legacy") as client:
                connected.set_result(client)
                await asyncio.Event().wait()

        self._owners.add(asyncio.create_task(own()))
        return await connected


def proxy(upstream: str) -> Server[dict[str, object]]:
    """The server, which hands everything on."""
    upstreams = Upstreams(upstream)

    async def listed(context: Context, app: str) -> list[types.Tool]:
        client = await upstreams.client(context, app)
        return (await client.list_tools()).tools

    async def list_tools(
        context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        found = await asyncio.gather(*(listed(context, app) for app in APPS))
        return types.ListToolsResult(tools=[tool for tools in found for tool in tools])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        client = await upstreams.client(context, params.name.partition("-")[0])
        return await client.call_tool(params.name, params.arguments)

    return Server("naive-proxy", on_list_tools=list_tools, on_call_tool=call_tool)


def main() -> None:
    """Serve until killed."""
    logging.disable(logging.INFO)
    port, upstream = int(sys.argv[1]), sys.argv[2]
    app = proxy(upstream).streamable_http_app(json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main()
