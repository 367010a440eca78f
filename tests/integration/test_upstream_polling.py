"""The official server, whose tools may end their streams and have clients come back: a call runs once."""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp_types import JSONRPCMessage

from pipewise_runtime.ports import Caller
from pipewise_runtime.server.questions import unasked
from support.eventually import eventually
from support.mcp_through import binding, runtime_before


class Kept(EventStore):
    """The events of all streams, in memory."""

    def __init__(self) -> None:
        self._events: list[tuple[StreamId, JSONRPCMessage | None]] = []
        self.came_back = 0

    async def store_event(self, stream_id: StreamId, message: JSONRPCMessage | None) -> EventId:
        """Keep an event; its id is its place."""
        self._events.append((stream_id, message))
        return str(len(self._events) - 1)

    async def replay_events_after(
        self, last_event_id: EventId, send_callback: EventCallback
    ) -> StreamId | None:
        """Tell the later events of the same stream."""
        self.came_back += 1
        place = int(last_event_id)
        stream = self._events[place][0]
        for number, (of, message) in itertools.islice(enumerate(self._events), place + 1, None):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


@asynccontextmanager
async def polled(server: MCPServer, store: Kept) -> AsyncIterator[str]:
    """The server on a free port, which asks its clients to come back after 50 ms."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    app = server.streamable_http_app(event_store=store, retry_interval=50)
    http = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    running = asyncio.create_task(http.serve(sockets=[bound]))
    await eventually(lambda: http.started)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/mcp"
    finally:
        http.should_exit = True
        await running
        bound.close()


async def test_a_tool_that_ends_its_stream_and_goes_on_is_called_once_and_heard_out() -> None:
    store, server, runs = Kept(), MCPServer("polled"), list[str]()

    @server.tool()
    async def slow(context: Context) -> str:
        """End the stream, then go on."""
        runs.append("run")
        await context.close_sse_stream()
        await eventually(lambda: store.came_back > 0)
        return "done"

    async with polled(server, store) as url, runtime_before(url) as (engine, _):
        await engine.tools(binding())
        said = json.loads(
            await engine.call(binding(), b'{"name":"slow","arguments":{}}', Caller(lambda _: None, unasked))
        )
    assert said["content"][0]["text"] == "done"
    assert (runs, store.came_back) == (["run"], 1)
