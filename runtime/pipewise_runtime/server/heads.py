"""What a request's head says, and the reasons to refuse it before its body is read.

Pure; the verdict on equal heads is remembered, because a client sends the same one with every call.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from pipewise_runtime.core.eras import HANDSHAKE_VERSIONS, MODERN_VERSION, Era

from .asgi import Headers
from .modern import Routing, unsupported
from .versions import WITHOUT_HEADER

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_METHODS = {"mcp": ("POST", "GET", "DELETE"), "sse": ("GET",), "messages": ("POST",)}
_PARAM = b"mcp-param-"
RawRouting = tuple[bytes, bytes, bytes]
"""Version, method and name, as they came."""


class Head(NamedTuple):
    """The headers that matter to every request, as they came; empty where absent."""

    method: str
    host: bytes = b""
    origin: bytes = b""
    content_type: bytes = b""
    accept: bytes = b""
    version: bytes = b""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed on by a head that is not refused."""

    version: str
    era: Era
    takes_events: bool
    names_version: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is answered without being read."""

    status: int
    message: str
    headers: Headers = ()


_FIELDS = {
    b"host": 0,
    b"origin": 1,
    b"content-type": 2,
    b"accept": 3,
    b"mcp-protocol-version": 4,
    b"mcp-session-id": 5,
    b"mcp-method": 6,
    b"mcp-name": 7,
}


def head_of(method: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[Head, bytes, RawRouting]:
    """Pick the headers that matter, the session's id, and those that say again what the body says.

    Repeated headers are joined, as HTTP says.
    """
    found = [b"", b"", b"", b"", b"", b"", b"", b""]
    for name, value in headers:
        index = _FIELDS.get(name)
        if index is not None:
            found[index] = found[index] + b", " + value if found[index] else value
    host, origin, content_type, accept, version, session, mcp_method, mcp_name = found
    head = Head(method, host, origin, content_type, accept, version)
    return head, session, (version, mcp_method, mcp_name)


def routing_of(raw: RawRouting) -> Routing:
    """The headers that say again what the body says, as text."""
    return Routing(*map(_text, raw))


def param_headers_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The Mcp-Param-* headers, by lower-case name; repeated ones are joined, and so match no argument."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.startswith(_PARAM):
            key, text = name.decode("latin-1"), _text(value)
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


@lru_cache(maxsize=1024)
def judged(head: Head, door: str, *, is_loopback: bool) -> Terms | Refusal:
    """Refuse a request by its head, or say on which terms it is answered."""
    if refusal := misled(head, is_loopback=is_loopback):
        return refusal
    if head.method not in _METHODS[door]:
        allowed = ", ".join(_METHODS[door])
        text = f"only {allowed} is answered here"
        return Refusal(405, text, ((b"allow", allowed.encode()),))
    accepted = (
        frozenset(_media_type(part) for part in head.accept.split(b","))
        if head.accept
        else frozenset({"*/*"})
    )
    if head.method == "POST" and _media_type(head.content_type) != "application/json":
        return Refusal(415, "Content-Type must be application/json")
    if head.method == "POST" and not accepted & {"application/json", "application/*", "*/*"}:
        return Refusal(406, "Accept must allow application/json; add text/event-stream for notifications")
    if head.method == "GET" and not accepted & {"text/event-stream", "text/*", "*/*"}:
        return Refusal(406, "Accept must allow text/event-stream")
    version = _text(head.version) or WITHOUT_HEADER
    era = Era.HANDSHAKE if version in HANDSHAKE_VERSIONS else Era.MODERN
    if door == "mcp" and head.method != "POST" and era is Era.MODERN:
        return _without_sessions(version)
    return Terms(version, era, "text/event-stream" in accepted, bool(head.version))


def _without_sessions(version: str) -> Refusal:
    if version != MODERN_VERSION:
        return Refusal(400, unsupported(version).message)
    text = f"MCP {version} has no sessions: only POST is answered here; subscriptions/listen tells of changes"
    return Refusal(405, text, ((b"allow", b"POST"),))


def misled(head: Head, *, is_loopback: bool) -> Refusal | None:
    """The refusal of a browser that was led here by a name or page of somebody else's."""
    if is_loopback and not (
        _is_loopback(head.host) and (not head.origin or _is_loopback_origin(head.origin))
    ):
        return Refusal(
            403, "this runtime listens on loopback: Host and Origin must be localhost, 127.0.0.1 or [::1]"
        )
    return None


@lru_cache(maxsize=4096)
def place_of(raw_path: bytes) -> tuple[str, str, str] | None:
    """Agent, user and door of a path such as /agents/coordinator/users/user-42/mcp; None for other paths."""
    match raw_path.partition(b"?")[0].decode("latin-1").split("/"):
        case ["", "agents", agent, "users", user, "mcp" | "sse" | "messages" as door] if agent and user:
            return unquote(agent), unquote(user), door
    return None


def _text(value: bytes) -> str:
    return value.strip(b" \t").decode("latin-1")


def _media_type(value: bytes) -> str:
    return value.partition(b";")[0].strip().lower().decode("latin-1")


def _is_loopback(host: bytes) -> bool:
    return _hostname(f"//{host.decode('latin-1')}") in _LOOPBACK


def _is_loopback_origin(origin: bytes) -> bool:
    return _hostname(origin.decode("latin-1")) in _LOOPBACK


def _hostname(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return None
    return None if parts.username is not None or parts.path not in ("", "/") else parts.hostname
