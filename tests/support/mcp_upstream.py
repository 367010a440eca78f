"""An upstream that offers what the MCP conformance suite and our interaction suite ask for.

The official SDK's server with the tools of `mcp_tools`; it can be told to speak one era only.
"""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import uvicorn
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.sse import SseServerTransport
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp_types import SetLevelRequestParams
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .eventually import eventually_sync
from .mcp_tools import Tools

Era = Literal["both", "handshake", "modern"]
_MODERN = "2026-07-28"
_STOP_SECONDS = 5.0


@dataclass(slots=True)
class McpUpstream:
    """A running upstream and what it has seen."""

    url: str
    """The endpoint for Streamable HTTP; the one for HTTP+SSE is /sse beside it."""
    tools: Tools
    requests: list[str] = field(default_factory=list)
    """The protocol version of each POST, in order; empty where there was no header."""


class _Announcing(Server[dict[str, object]]):
    """Says in its initialize result that its list of tools can change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, object]] | None = None,
        extensions: dict[str, dict[str, object]] | None = None,
    ) -> InitializationOptions:
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)


@contextmanager
def serving_mcp(era: Era = "both", *, json_replies: bool = False, page: int = 0) -> Iterator[McpUpstream]:
    """The upstream in a thread of its own.

    Args:
        era: which clients it takes.
        json_replies: whether it answers in plain JSON, which has no place for notifications.
        page: how many tools it lists at a time; 0 for all.
    """
    bus = InMemorySubscriptionBus()
    tools = Tools(bus, page)
    server = _Announcing(
        "conformance-upstream",
        version="1.0.0",
        on_list_tools=cast("Any", tools.list),  # plain dictionaries, so that unknown fields can be sent
        on_call_tool=cast("Any", tools.call),
        on_subscriptions_listen=ListenHandler(bus),
        get_tool_input_schema=tools.schema,
    )
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, tools.set_level)
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    running = McpUpstream(f"http://127.0.0.1:{bound.getsockname()[1]}/mcp", tools)
    both = server.streamable_http_app(json_response=json_replies, custom_starlette_routes=_sse(server))
    app = _OneEra(both, era, running.requests)
    config = uvicorn.Config(app, log_level="critical", http="h11", ws="none", timeout_graceful_shutdown=1)
    http = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(http.serve(sockets=[bound]),), name="mcp upstream")
    thread.start()
    try:
        eventually_sync(lambda: http.started)
        yield running
    finally:
        http.should_exit = http.force_exit = True
        thread.join(_STOP_SECONDS)
        bound.close()
        assert not thread.is_alive(), "the upstream did not stop"


def _sse(server: Server[dict[str, object]]) -> list[Route]:
    """The routes of HTTP+SSE, the older transport."""
    transport = SseServerTransport("/messages")

    class Stream:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async with transport.connect_sse(scope, receive, send) as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())

    class Posts:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await transport.handle_post_message(scope, receive, send)

    return [Route("/sse", Stream(), methods=["GET"]), Route("/messages", Posts(), methods=["POST"])]


class _OneEra:
    """Lets only the clients of one era through, and answers the others as such servers do."""

    def __init__(self, app: ASGIApp, era: Era, requests: list[str]) -> None:
        self._app, self._era, self._requests = app, era, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        version = dict(scope["headers"]).get(b"mcp-protocol-version", b"").decode()
        if scope["method"] == "POST":
            self._requests.append(version)
        if self._era == "handshake" and version == _MODERN:
            await _refuse(send, -32000, f"Bad Request: Unsupported protocol version: {version}")
        elif self._era == "modern" and version != _MODERN:
            await _refuse(send, -32022, "Unsupported protocol version", supported=[_MODERN])
        else:
            with contextlib.suppress(asyncio.CancelledError):  # the SDK's way to end a stream at shutdown
                await self._app(scope, receive, send)


async def _refuse(send: Send, code: int, message: str, **data: object) -> None:
    error = {"code": code, "message": message, "data": {**data, "requested": "another"}}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
