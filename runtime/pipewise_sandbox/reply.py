"""An HTTP reply as a value, and the forms in which Pipedream words one."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

JSON = "application/json"
SSE = "text/event-stream"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def saying(self, text: bytes) -> "Reply":
        """The same reply with another message in it, framed as an event where it is a stream."""
        return replace(self, body=framed(text) if self.content_type == SSE else text)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON reply."""
    return Reply(status, encoded(value), headers=tuple((headers or {}).items()))


def encoded(value: object) -> bytes:
    """A value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def framed(message: bytes) -> bytes:
    """A JSON-RPC message as one server-sent event."""
    return b"event: message\ndata: " + message + b"\n\n"


def page(title: str, body: str, status: int = 200) -> Reply:
    """A small HTML page; ``body`` is HTML."""
    style = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem}"
    style += "button{font:inherit;padding:.5rem 1.5rem;cursor:pointer}"
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head><body><h1>{title}</h1>{body}</body></html>\n"
    )
    return Reply(status, text.encode(), HTML)


def unauthorized() -> Reply:
    """The answer to a token that is missing, unknown or expired."""
    challenge = 'Bearer error="invalid_token", error_description="The access token is invalid or has expired"'
    body = {"error": "invalid_token", "error_description": "The access token is invalid or has expired"}
    return as_json(body, 401, {"WWW-Authenticate": challenge})


WaitHeader = Literal["Retry-After", "X-RateLimit-Reset"]
WAIT_HEADERS: tuple[WaitHeader, ...] = get_args(WaitHeader)
"""Where the answer beyond a rate limit says for how long."""


def too_many(retry_after_seconds: float, said_in: Iterable[WaitHeader] = WAIT_HEADERS) -> Reply:
    """The answer beyond a rate limit."""
    after = str(math.ceil(retry_after_seconds))
    return as_json({"error": "Too many requests"}, 429, dict.fromkeys(said_in, after))


def not_found(what: str = "record not found") -> Reply:
    """The answer for something that is not there."""
    return as_json({"error": what}, 404)
