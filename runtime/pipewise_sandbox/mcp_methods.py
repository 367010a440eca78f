"""The MCP methods: ``initialize``, ``ping``, ``tools/list``, ``tools/call``.

``mcp_endpoint`` has settled HTTP, the caller and the session; this module answers one message with the
JSON of one response.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pipewise_sandbox import results, rpc
from pipewise_sandbox.backend import Call
from pipewise_sandbox.caller import Caller
from pipewise_sandbox.catalog import apps
from pipewise_sandbox.connect_tokens import Grant, link
from pipewise_sandbox.faults import Fault
from pipewise_sandbox.reply import Reply, encoded, too_many
from pipewise_sandbox.rpc import Message
from pipewise_sandbox.world import World

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
_RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request message, with all it takes to answer it."""

    message: Message
    caller: Caller
    base_url: str
    now: datetime
    fault: Fault | None

    def has_fault(self, kind: str) -> bool:
        """Whether a fault of this kind befalls it before its action runs."""
        return self.fault is not None and self.fault.kind == kind and self.fault.when == "before"


def answer(world: World, asked: Asked) -> bytes | Reply:
    """The response to a request: its JSON, or the HTTP reply that stands in for it."""
    if asked.fault is not None and asked.has_fault("rpc_error"):
        return rpc.error(asked.message.id, asked.fault.code, asked.fault.message)
    response = _dispatched(world, asked)
    if asked.fault is not None and asked.fault.kind == "rpc_error":
        return rpc.error(asked.message.id, asked.fault.code, asked.fault.message)
    return response


def _dispatched(world: World, asked: Asked) -> bytes | Reply:
    identity = asked.message.id
    match asked.message.method:
        case "initialize":
            return rpc.result(identity, _introduction(asked.message))
        case "ping":
            return rpc.result(identity, b"{}")
        case "tools/list":
            return _list(world, asked)
        case "tools/call":
            return _call(world, asked)
        case _:
            return rpc.error(identity, rpc.METHOD_NOT_FOUND, "Method not found")


def _introduction(message: Message) -> bytes:
    wanted = message.params.get("protocolVersion")
    return encoded(
        {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "pipedream", "version": "3.0.0"},
        }
    )


def _list(world: World, asked: Asked) -> bytes:
    cursor = asked.message.params.get("cursor")
    start = 0 if cursor is None else _offset(cursor)
    removed = asked.fault.tools or [] if asked.fault is not None and asked.fault.kind == "no_tools" else None
    if start is None:
        return rpc.error(asked.message.id, rpc.INVALID_PARAMS, "Invalid cursor")
    if removed is not None:
        page = _page(asked.caller.app, start, world.settings.tool_page_size, frozenset(removed))
    else:
        page = _full_page(asked.caller.app, start, world.settings.tool_page_size)
    return rpc.result(asked.message.id, page)


def _offset(cursor: object) -> int | None:
    return int(cursor) if isinstance(cursor, str) and cursor.isdigit() else None


@cache
def _full_page(app: str, start: int, size: int) -> bytes:
    return _page(app, start, size, None)


def _page(app: str, start: int, size: int, removed: frozenset[str] | None) -> bytes:
    """One page of an app's tools; an empty set of removed tools removes them all."""
    offered = apps()[app].definitions
    if removed is not None:
        offered = [tool for tool in offered if removed and tool["name"] not in removed]
    end = start + size if size else len(offered)
    more = {"nextCursor": str(end)} if end < len(offered) else {}
    return encoded({"tools": list(offered[start:end])} | more)


def _call(world: World, asked: Asked) -> bytes | Reply:
    arguments = asked.message.params.get("arguments") or {}
    if not asked.message.tool or not isinstance(arguments, dict):
        return rpc.error(
            asked.message.id, rpc.INVALID_PARAMS, "Invalid params: name and arguments are needed"
        )
    called = _ran(world, asked, arguments)
    if isinstance(called, Reply):
        return called
    if asked.fault is not None and asked.fault.kind == "tool_error":
        called = results.refused(asked.fault.message, "req_fault")
    if asked.fault is not None and asked.fault.kind == "oversized":
        called["content"] = [{"type": "text", "text": json.dumps({"ret": "x" * asked.fault.bytes})}]
    return rpc.result(asked.message.id, encoded(called))


def _ran(world: World, asked: Asked, arguments: dict[str, object]) -> results.Result | Reply:
    caller = asked.caller
    if asked.fault is not None and asked.has_fault("tool_error"):
        return results.refused(asked.fault.message, "req_fault")
    account = world.accounts.used_for(caller.place, caller.user, caller.app, caller.account)
    if account is None or (asked.fault is not None and asked.fault.kind == "account_required"):
        return _account_required(world, asked)
    settings, moment = world.settings, asked.now.timestamp()
    key = (_RUNS, caller.place.project)
    wait = world.limits.hit(key, settings.quota_runs, settings.quota_window_seconds, moment)
    if wait is not None:
        return too_many(wait)
    call = Call(caller.user, caller.app, asked.message.tool, arguments, asked.now, account.id)
    run = world.backend.run(call)
    world.ledger.note(call, run, account)
    return run.result


def _account_required(world: World, asked: Asked) -> results.Result:
    caller = asked.caller
    grant = Grant(caller.place, caller.user, targets=caller.targets)
    token = world.connect_tokens.mint(grant, asked.now)
    url = link(asked.base_url, token, caller.app)
    return results.account_required(
        caller.app, url, world.settings.account_required_form, f"req_{token.session}"
    )
