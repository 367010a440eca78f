"""What a request's head says, and the reasons to refuse it before its body is read.

Pure; the verdict on equal heads is remembered, because a client sends the same one with every call.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from .asgi import Headers
from .versions import SUPPORTED, WITHOUT_HEADER

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NOT_ALLOWED = ((b"allow", b"POST"),)


class Head(NamedTuple):
    """The headers that matter, as they came; empty where absent."""

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
    is_supported: bool
    takes_events: bool


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
}


def head_of(method: str, headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """Pick the headers that matter; repeated ones are joined, as HTTP says."""
    found = [b"", b"", b"", b"", b""]
    for name, value in headers:
        index = _FIELDS.get(name)
        if index is not None:
            found[index] = found[index] + b", " + value if found[index] else value
    return Head(method, *found)


@lru_cache(maxsize=1024)
def judged(head: Head, *, is_loopback: bool) -> Terms | Refusal:
    """Refuse a request by its head, or say on which terms it is answered."""
    if is_loopback and not (
        _is_loopback(head.host) and (not head.origin or _is_loopback_origin(head.origin))
    ):
        return Refusal(
            403, "this runtime listens on loopback: Host and Origin must be localhost, 127.0.0.1 or [::1]"
        )
    if head.method == "DELETE":
        return Refusal(405, "there are no sessions to end: this server is stateless", _NOT_ALLOWED)
    if head.method != "POST":
        return Refusal(405, "POST JSON-RPC messages here; there is no standalone stream", _NOT_ALLOWED)
    if _media_type(head.content_type) != "application/json":
        return Refusal(415, "Content-Type must be application/json")
    accepted = (
        frozenset(_media_type(part) for part in head.accept.split(b","))
        if head.accept
        else frozenset({"*/*"})
    )
    if not accepted & {"application/json", "application/*", "*/*"}:
        return Refusal(406, "Accept must allow application/json; add text/event-stream for notifications")
    version = head.version.decode("latin-1") or WITHOUT_HEADER
    return Terms(version, version in SUPPORTED, "text/event-stream" in accepted)


@lru_cache(maxsize=4096)
def agent_and_user(raw_path: bytes) -> tuple[str, str] | None:
    """Agent and user of a path such as /agents/coordinator/users/user-42/mcp; None for other paths."""
    match raw_path.partition(b"?")[0].decode("latin-1").split("/"):
        case ["", "agents", agent, "users", user, "mcp"] if agent and user:
            return unquote(agent), unquote(user)
    return None


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
