"""HTTP+SSE, the transport of MCP 2024-11-05.

One stream carries every message to the client, which posts its own to a path that the stream names first. A
session is this stream, and ends with it.
"""

import asyncio
import contextlib
import secrets
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from pipewise_runtime.ports import Calls

from .asgi import send_empty, send_json
from .envelope import Message, is_batch, message_of, messages_of
from .exchange import Exchange, not_served, refuse
from .heads import Refusal
from .methods import Methods
from .questions import Questions
from .sse_line import Line
from .sse_talking import Talking


class SseDoor:
    """All open sessions of this transport."""

    def __init__(self, calls: Calls, methods: Methods, questions: Questions, ping_seconds: float) -> None:
        self._calls, self._methods, self._questions = calls, methods, questions
        self._ping_seconds = ping_seconds
        self._sessions: dict[str, _Session] = {}
        self._endings: list[asyncio.Task[None]] = []

    def close(self) -> None:
        """End each stream once all that was asked on it is answered: the program stops."""
        self._endings = [asyncio.create_task(session.finish()) for session in self._sessions.values()]

    async def open(self, exchange: Exchange) -> None:
        """Answer the GET that opens a session, until the client goes away."""
        if self._calls.binding(*exchange.place) is None:
            await send_json(exchange.send, not_served(*exchange.place, None), 404)
            return
        line, name = Line(self._ping_seconds), secrets.token_urlsafe(18)
        talking = Talking(self._calls, self._methods, self._questions, exchange.place, line)
        self._sessions[name] = _Session(exchange.place, talking, line)
        agent, user = (quote(part, safe="") for part in exchange.place)
        path = f"/agents/{agent}/users/{user}/messages?sessionId={name}"
        try:
            await line.run(exchange.send, exchange.receive, f"event: endpoint\ndata: {path}\n\n".encode())
        finally:
            del self._sessions[name]
            talking.end()
        with contextlib.suppress(OSError):
            await exchange.send({"type": "http.response.body", "body": b""})

    async def take(self, exchange: Exchange, query: bytes, body: bytes) -> None:
        """Accept what a client posts; the answers go out on its stream.

        Raises:
            EnvelopeError: it is no message.
        """
        name = parse_qs(query.decode("latin-1")).get("sessionId", [""])[0]
        session = self._sessions.get(name)
        if session is None or session.place != exchange.place:
            await refuse(exchange.send, Refusal(404, "there is no such session; open another stream"))
            return
        for message in _messages(body):
            session.talking.hear(message)
        await send_empty(exchange.send, 202)


class _Session(NamedTuple):
    """One client: who it is, the talk with it, and the way to it."""

    place: tuple[str, str]
    talking: Talking
    line: Line

    async def finish(self) -> None:
        """End it when all is answered."""
        await self.talking.finish()
        self.line.end()


def _messages(body: bytes) -> list[Message]:
    if not is_batch(body):
        return [message_of(body)]
    return [message_of(part) for part in messages_of(body)]
