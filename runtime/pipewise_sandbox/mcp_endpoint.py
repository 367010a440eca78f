"""MCP over Streamable HTTP at ``/v3`` and the other paths Pipedream serves it at.

Reads one request, settles HTTP (method, content types, who is calling, which session), and leaves the message
to ``mcp_methods`` and the faults to ``exchange``.
"""

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from pipewise_sandbox import mcp_methods, rpc
from pipewise_sandbox.caller import Caller, admitted, claims
from pipewise_sandbox.exchange import Exchange
from pipewise_sandbox.faults import Fault, Occasion
from pipewise_sandbox.reply import JSON, SSE, Reply, framed, page
from pipewise_sandbox.rpc import Message, UnreadableError
from pipewise_sandbox.wire import Receive, Scope, Send, Wire
from pipewise_sandbox.world import World, now

_PATHS = re.compile(r"^/(?:v3/?|(?:v1/)?(?P<user>[^/]+)/(?P<app>[^/]+)|v1/(?P<only_user>[^/]+))?$")
_MODERN = "2026-07-28"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to an MCP path."""

    method: str
    headers: dict[str, str]
    said: dict[str, str]
    base_url: str
    message: Message | UnreadableError

    @property
    def session(self) -> str:
        """The session it names, or an empty text."""
        return self.headers.get("mcp-session-id", "")

    def occasion(self) -> Occasion:
        """What faults see of it."""
        app, user = self.said["x-pd-app-slug"], self.said["x-pd-external-user-id"]
        if not isinstance(self.message, Message) or self.method != "POST":
            return Occasion(self.method, app, user)
        return Occasion(self.message.method or "response", app, user, self.message.tool)


@dataclass(slots=True)
class McpEndpoint:
    """The ASGI application of the MCP paths."""

    world: World
    _waiting: dict[tuple[str, object], asyncio.Event] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        wire = Wire(scope, receive, send)
        matched = _PATHS.match(scope["path"])
        if matched is None:
            await wire.body()
            await wire.reply(page("404", "<p>This page could not be found.</p>", 404))
            return
        request = await _read(scope, matched.groupdict(), wire)
        occasion = request.occasion()
        exchange = Exchange(
            occasion=occasion,
            wire=wire,
            taken=self.world.faults.take(occasion),
            perform=lambda fault: self.reply(request, fault),
            counters=self.world.replies,
            on_cancel=_cancelled(request.message),
        )
        key = _call_key(request, request.message.id if isinstance(request.message, Message) else None)
        if key[1] is None:
            await exchange.run()
            return
        self._waiting[key] = exchange.cancelled
        try:
            await exchange.run()
        finally:
            self._waiting.pop(key, None)

    def reply(self, request: Request, fault: Fault | None) -> Reply:
        """The reply to a request, once faults on the way have let it through."""
        if request.method == "GET" and SSE not in request.headers.get("accept", ""):
            return page("Pipedream MCP", "<p>This address speaks MCP: POST JSON-RPC to it.</p>")
        moment = now()
        caller = admitted(request.said, request.headers, self.world.projects, moment)
        if isinstance(caller, Reply):
            return caller
        if request.method == "DELETE":
            return self._ended(request)
        if request.method != "POST":
            return replace(
                rpc.refusal(405, rpc.SERVER_ERROR, "Method not allowed"), headers=(("Allow", "POST, DELETE"),)
            )
        problem = _unacceptable(request.headers)
        if problem is not None:
            return problem
        message = request.message
        if isinstance(message, UnreadableError):
            return rpc.refusal(400, message.code, str(message))
        asked = mcp_methods.Asked(message, caller, request.base_url, moment, fault)
        return self._settled(request, asked)

    def _settled(self, request: Request, asked: mcp_methods.Asked) -> Reply:
        """The reply to a readable message from a known caller."""
        message, version = asked.message, request.headers.get("mcp-protocol-version")
        if message.method == "server/discover" or version == _MODERN:
            return Reply(200 if version in {None, *mcp_methods.VERSIONS} else 400, _no_method(message))
        if version is not None and version not in mcp_methods.VERSIONS:
            return rpc.refusal(400, rpc.SERVER_ERROR, f"Bad Request: Unsupported protocol version {version}")
        lost = self._session_problem(request, asked)
        if lost is not None:
            return lost
        if message.id is None or not message.method:
            self._take_back(request, message)
            return Reply(202)
        answer = mcp_methods.answer(self.world, asked)
        if isinstance(answer, Reply):
            return answer
        return self._worded(request, answer, self._session_headers(message, asked.caller))

    def _session_problem(self, request: Request, asked: mcp_methods.Asked) -> Reply | None:
        """Why a message's session will not do; with the ``session_lost`` fault it is lost here and now.

        A session belongs to the user and the app it was opened for.
        """
        fault, owner = asked.fault, (asked.caller.user, asked.caller.app)
        if asked.message.method == "initialize":
            return None
        session, sessions = request.session, self.world.sessions
        if fault is not None and fault.kind == "session_lost":
            sessions.end(session)
            return _no_session(fault.status or 404)
        if not self.world.settings.sessions:
            return None
        if not session:
            return _no_session(400)
        return None if sessions.open.get(session) == owner else _no_session(404)

    def _session_headers(self, message: Message, caller: Caller) -> tuple[tuple[str, str], ...]:
        if message.method != "initialize" or not self.world.settings.sessions:
            return ()
        return (("Mcp-Session-Id", self.world.sessions.start(caller.user, caller.app)),)

    def _worded(self, request: Request, answer: bytes, headers: tuple[tuple[str, str], ...]) -> Reply:
        """The answer in a form the client accepts: the configured one if it can be."""
        accepted = request.headers.get("accept", "*/*")
        forms = {"json": JSON, "sse": SSE}
        form = forms[self.world.settings.replies]
        if form not in accepted and "*/*" not in accepted:
            form = JSON if form == SSE else SSE
        return Reply(200, framed(answer) if form == SSE else answer, form, headers)

    def _ended(self, request: Request) -> Reply:
        return Reply(200) if self.world.sessions.end(request.session) else _no_session(404)

    def _take_back(self, request: Request, message: Message) -> None:
        if message.method == "notifications/cancelled":
            waiting = self._waiting.get(_call_key(request, message.params.get("requestId")))
            if waiting is not None:
                waiting.set()


async def _read(scope: Scope, path: dict[str, str | None], wire: Wire) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
    user = path["user"] or path["only_user"]
    in_path = {"external-user-id": user, "app-slug": path["app"]}
    body = await wire.body()
    return Request(
        method=scope["method"],
        headers=headers,
        said=claims(headers, query, {name: value for name, value in in_path.items() if value}),
        base_url=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
        message=_message(body),
    )


def _message(body: bytes) -> Message | UnreadableError:
    try:
        return rpc.read(body)
    except UnreadableError as error:
        return error


def _unacceptable(headers: dict[str, str]) -> Reply | None:
    """Why the content types of a POST will not do; a missing Accept gets HTML, as from Pipedream."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        return rpc.refusal(
            415, rpc.SERVER_ERROR, "Unsupported Media Type: Content-Type must be application/json"
        )
    accepted = headers.get("accept", "")
    if not any(form in accepted for form in (JSON, SSE, "*/*")):
        return page(
            "406",
            "<p>Not Acceptable: the client must accept application/json and text/event-stream.</p>",
            406,
        )
    return None


def _call_key(request: Request, identity: Any) -> tuple[str, object]:  # noqa: ANN401 - an id is what the client made it
    owner = request.session or "{x-pd-external-user-id} {x-pd-app-slug}".format_map(request.said)
    return owner, identity if isinstance(identity, str | int) else None


def _no_session(status: int) -> Reply:
    if status == 400:  # noqa: PLR2004 - the status itself
        return rpc.refusal(400, rpc.SERVER_ERROR, "Bad Request: No valid session ID provided")
    return rpc.refusal(status, rpc.INVALID_REQUEST, "Session not found")


def _no_method(message: Message) -> bytes:
    return rpc.error(message.id, rpc.METHOD_NOT_FOUND, "Method not found")


def _cancelled(message: Message | UnreadableError) -> Reply:
    identity = message.id if isinstance(message, Message) else None
    return Reply(200, rpc.error(identity, 0, "Request cancelled"))
