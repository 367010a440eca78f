"""The part of ASGI that is used here: its types, and sending one whole response."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

_JSON = (b"content-type", b"application/json")


class DisconnectedError(Exception):
    """The client went away before its request was read."""


class TooLargeError(Exception):
    """The body is longer than allowed."""


async def body_of(receive: Receive, most_bytes: int) -> bytes:
    """Read a request's body.

    Raises:
        DisconnectedError: the client went away.
        TooLargeError: the body is longer than `most_bytes`.
    """
    body, has_more = b"", True
    while has_more and len(body) <= most_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        body += message["body"]
        has_more = message["more_body"]
    if len(body) > most_bytes:
        raise TooLargeError
    return body


async def send_json(send: Send, body: bytes, status: int = 200, headers: Headers = ()) -> None:
    """Send a JSON response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def send_empty(send: Send, status: int, headers: Headers = ()) -> None:
    """Send a response without a body."""
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0"), *headers]}
    )
    await send({"type": "http.response.body", "body": b""})


async def send_text(send: Send, status: int, text: bytes, content_type: bytes = b"text/plain") -> None:
    """Send a response for people and scrapers."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
