"""The tools of the MCP upstream for tests: those the conformance suite names, and those of our own suite."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ToolsListChanged
from mcp.shared.exceptions import MCPError

from .mcp_asking import ASKING, asking
from .mcp_contents import CONTENTS, SCHEMAS, definition

Context = ServerRequestContext[Any, Any]
JSON = dict[str, Any]

_PAUSE_SECONDS = 0.02
_CACHING = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
"""What 2026-07-28 wants in a list of tools; earlier versions do not mind."""


class Tools:
    """Lists the tools and carries them out; counts what our own suite wants to know."""

    def __init__(self, bus: InMemorySubscriptionBus, page: int) -> None:
        self._bus, self._page = bus, page
        self._has_extra = False
        self.started = 0
        """Calls of `hang` begun."""
        self.cancelled = 0
        """Calls of `hang` that were cancelled."""
        self.calls = 0

    async def list(self, _context: Context, params: types.PaginatedRequestParams | None) -> JSON:
        """The tools, page by page."""
        names = [*CONTENTS, *ASKING, *_OWN, *(["test_extra"] if self._has_extra else [])]
        begin = int(params.cursor) if params and params.cursor else 0
        end = begin + self._page if self._page else len(names)
        page: JSON = {"tools": [definition(name) for name in names[begin:end]], **_CACHING}
        return {**page, "nextCursor": str(end)} if end < len(names) else page

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """The input schema of a tool, against which headers are checked."""
        return SCHEMAS.get(name)

    async def set_level(self, _context: Context, _params: types.SetLevelRequestParams) -> types.EmptyResult:
        """Take any level."""
        return types.EmptyResult()

    async def call(self, context: Context, params: types.CallToolRequestParams) -> JSON:
        """Do what the tool's name says."""
        self.calls += 1
        return {"resultType": "complete", **await self._result(context, params)}

    async def _result(self, context: Context, params: types.CallToolRequestParams) -> JSON:
        name, arguments = params.name, params.arguments or {}
        if name in CONTENTS:
            return CONTENTS[name]
        if name in ASKING:
            return await asking(context, params)
        match name:
            case "test_tool_with_logging" | "test_logging_tool":
                return await _logging(context)
            case "test_tool_with_progress":
                return await _progress(context)
            case "test_trigger_tool_change":
                return await self._change(context)
            case "hang":
                return await self._hang()
            case "test_missing_capability":
                raise MCPError(
                    -32021,
                    "Missing required client capability",
                    {"requiredCapabilities": {"sampling": {}}},
                )
            case "fault":
                raise MCPError(-32099, "the upstream says no", {"reason": "asked to"})
        return _said(name, arguments, context)

    async def _change(self, context: Context) -> JSON:
        self._has_extra = not self._has_extra
        await self._bus.publish(ToolsListChanged())
        await context.session.send_tool_list_changed()
        return text("changed")

    async def _hang(self) -> JSON:
        self.started += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError("woken without a reason")


def text(words: str) -> JSON:
    """A result with one text."""
    return {"content": [{"type": "text", "text": words}]}


def digest(words: str) -> str:
    """What `big` says of its own text."""
    return hashlib.sha256(words.encode()).hexdigest()


async def _logging(context: Context) -> JSON:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        params = types.LoggingMessageNotificationParams(level="info", data=words)
        wants_logs = context.protocol_version != "2026-07-28" or (context.meta or {}).get(
            "io.modelcontextprotocol/logLevel"
        )
        if wants_logs:
            await context.session.send_notification(
                types.LoggingMessageNotification(params=params), context.request_id
            )
        await asyncio.sleep(_PAUSE_SECONDS)
    return text("logged")


async def _progress(context: Context) -> JSON:
    for step in (0, 50, 100):
        await context.session.report_progress(step, 100, "paso ñ")
        await asyncio.sleep(_PAUSE_SECONDS)
    return text("progressed")


def _said(name: str, arguments: JSON, context: Context) -> JSON:
    match name:
        case "echo":
            return {"structuredContent": arguments, **text(json.dumps(arguments, ensure_ascii=False))}
        case "meta":
            return {"_meta": {"upstream/seen": dict(context.meta or {})}, **text("see _meta")}
        case "big":
            words = "ñ漢🙂-" * int(arguments["characters"] // 4)
            return {"structuredContent": {"sha256": digest(words)}, **text(words)}
        case "test_custom_headers":
            return text(f"region {arguments.get('region')}")
        case "test_extra":
            return text(name)
    raise MCPError(-32602, f"Unknown tool: {name}")


_OWN = (
    "test_tool_with_logging",
    "test_logging_tool",
    "test_tool_with_progress",
    "test_trigger_tool_change",
    "test_missing_capability",
    "test_custom_headers",
    "echo",
    "meta",
    "big",
    "hang",
    "fault",
)
