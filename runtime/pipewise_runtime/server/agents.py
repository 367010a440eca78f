"""The ASGI application agents talk to: MCP at one path per binding, with a door for each transport.

Refuses by the head, reads the body, and hands messages to what answers their era.
"""

import structlog

from pipewise_runtime.core.eras import Era
from pipewise_runtime.ports import Calls

from .asgi import DisconnectedError, Receive, Scope, Send, TooLargeError, body_of, send_json
from .envelope import EnvelopeError, error_reply, is_batch, message_of
from .exchange import Exchange, refuse
from .heads import Refusal, head_of, judged, misled, place_of
from .methods import Methods
from .modern_posting import ModernPosts
from .posting import HandshakePosts
from .questions import Questions
from .running import RunningCalls
from .sse_door import SseDoor
from .subscribing import PING_SECONDS, Subscriptions

log = structlog.get_logger()

MOST_BYTES = 4 * 1024 * 1024
"""Longest request body that is read."""

_CLOSE = ((b"connection", b"close"),)
_NOTHING_HERE = Refusal(404, "nothing here; agents use /agents/AGENT/users/USER/mcp")


class AgentsApp:
    """Serves the bindings of the call path.

    Args:
        calls: the call path.
        is_loopback: whether to check Host and Origin.
        ping_seconds: how long a stream may be silent.
    """

    def __init__(self, calls: Calls, *, is_loopback: bool, ping_seconds: float = PING_SECONDS) -> None:
        self._is_loopback = is_loopback
        running = RunningCalls()
        methods = Methods(calls)
        self._subscriptions = Subscriptions(calls, ping_seconds)
        questions = Questions()
        self._sse = SseDoor(calls, methods, questions, ping_seconds)
        self._handshake = HandshakePosts(calls, methods, running, questions)
        self._modern = ModernPosts(calls, methods, running, self._subscriptions)

    def close(self) -> None:
        """End the streams that would go on for ever: the program stops."""
        self._subscriptions.close()
        self._sse.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        head, session, routing = head_of(scope["method"], scope["headers"])
        place = place_of(scope["raw_path"])
        if place is None:
            await refuse(send, misled(head, is_loopback=self._is_loopback) or _NOTHING_HERE)
            return
        agent, user, door = place
        terms = judged(head, door, is_loopback=self._is_loopback)
        if isinstance(terms, Refusal):
            await refuse(send, terms)
            return
        exchange = Exchange(agent, user, terms, session, routing, scope["headers"], receive, send)
        match head.method, door:
            case "POST", _:
                await self._take(exchange, scope["query_string"] if door == "messages" else None)
            case "GET", "sse":
                await self._sse.open(exchange)
            case "GET", _:
                if await self._handshake.admitted(exchange):
                    await self._subscriptions.stand(exchange)
            case _:
                await self._handshake.end(exchange)

    async def _take(self, exchange: Exchange, sse_query: bytes | None) -> None:
        """Read a post and hand it on; `sse_query` names the session of the transport that needs one."""
        try:
            body = await body_of(exchange.receive, MOST_BYTES)
            if sse_query is not None:
                await self._sse.take(exchange, sse_query, body)
            elif exchange.terms.era is Era.MODERN:
                await self._modern.take(exchange, body)
            elif is_batch(body):
                await self._handshake.take_batch(exchange, body)
            else:
                await self._handshake.take(exchange, message_of(body))
        except EnvelopeError as error:
            await send_json(exchange.send, error_reply(error.id, error.code, str(error)), 400)
        except TooLargeError:
            text = f"the body is longer than {MOST_BYTES} bytes"
            await refuse(exchange.send, Refusal(413, text, _CLOSE))
        except DisconnectedError:
            log.debug("client_left_early", agent=exchange.agent, user=exchange.user)
