"""The ASGI application agents talk to: MCP over Streamable HTTP, stateless, at one path per binding.

Refuses by the head, reads the body, hands messages to `methods` and sends the replies.
"""

import asyncio
from dataclasses import dataclass

import structlog

from pipewise_runtime.ports import Calls
from pipewise_runtime.served import ServedBinding

from .asgi import DisconnectedError, Receive, Scope, Send, TooLargeError, body_of, send_empty, send_json
from .envelope import (
    INVALID_REQUEST,
    NOT_SERVED,
    REQUEST_CANCELLED,
    UNSUPPORTED_VERSION,
    EnvelopeError,
    Message,
    error_reply,
    is_batch,
    message_of,
    messages_of,
)
from .heads import Refusal, Terms, agent_and_user, head_of, judged
from .methods import Methods, cancelled_id, not_in_batch
from .running import CancelledByClientError, Running, RunningCalls
from .streaming import Reply
from .versions import SUPPORTED, WITH_BATCHES

log = structlog.get_logger()

MOST_BYTES = 4 * 1024 * 1024
"""Longest request body that is read."""

_ERA_FREE = ("initialize", "server/discover")
"""Methods that ask which version to speak, and so may come with any version."""
_CLOSE = ((b"connection", b"close"),)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request whose head was accepted."""

    agent: str
    user: str
    terms: Terms
    receive: Receive
    send: Send


class AgentsApp:
    """Serves the bindings of the call path. Loopback servers also check Host and Origin."""

    def __init__(self, calls: Calls, *, is_loopback: bool) -> None:
        self._calls = calls
        self._methods = Methods(calls)
        self._is_loopback = is_loopback
        self.running = RunningCalls()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is served here, not {scope['type']}")
        verdict = judged(head_of(scope["method"], scope["headers"]), is_loopback=self._is_loopback)
        place = agent_and_user(scope["raw_path"])
        if isinstance(verdict, Refusal) and (place or verdict.status == 403):  # noqa: PLR2004 - HTTP's number
            await _refuse(send, verdict)
        elif place is None or isinstance(verdict, Refusal):
            await _refuse(send, Refusal(404, "nothing here; agents use /agents/AGENT/users/USER/mcp"))
        else:
            await self._take(Exchange(*place, verdict, receive, send))

    async def _take(self, exchange: Exchange) -> None:
        try:
            body = await body_of(exchange.receive, MOST_BYTES)
            if is_batch(body):
                await self._answer_batch(exchange, body)
            else:
                await self._answer_one(exchange, message_of(body))
        except EnvelopeError as error:
            await send_json(exchange.send, error_reply(error.id, error.code, str(error)), 400)
        except TooLargeError:
            text = f"the body is longer than {MOST_BYTES} bytes"
            await _refuse(exchange.send, Refusal(413, text, _CLOSE))
        except DisconnectedError:
            log.debug("client_left_early", agent=exchange.agent, user=exchange.user)

    async def _answer_one(self, exchange: Exchange, message: Message) -> None:
        terms = exchange.terms
        if not terms.is_supported and message.method not in _ERA_FREE:
            await send_json(exchange.send, _unsupported(message, terms.version), 400)
            return
        binding = self._calls.binding(exchange.agent, exchange.user)
        if binding is None:
            await send_json(exchange.send, _not_served(exchange, message), 404)
        elif not message.method or not bytes(message.id):
            self._take_note(exchange, message)
            await send_empty(exchange.send, 202)
        elif message.method == "tools/call":
            await self._call(exchange, binding, message)
        else:
            await send_json(exchange.send, await self._methods.answer(binding, message))

    async def _call(self, exchange: Exchange, binding: ServedBinding, request: Message) -> None:
        reply = Reply(exchange.send, takes_events=exchange.terms.takes_events)
        key = (exchange.agent, exchange.user, bytes(request.id))
        try:
            with Running(self.running, key, exchange.receive):
                response = await self._methods.call(binding, request, reply.notify)
        except CancelledByClientError:
            log.info("call_cancelled", agent=exchange.agent, user=exchange.user)
            await reply.abandon(error_reply(bytes(request.id), REQUEST_CANCELLED, "request cancelled"))
        else:
            await reply.finish(response)

    async def _answer_batch(self, exchange: Exchange, body: bytes) -> None:
        if exchange.terms.version not in WITH_BATCHES:
            raise EnvelopeError(
                INVALID_REQUEST, f"MCP {exchange.terms.version} has no batches: send one message"
            )
        binding = self._calls.binding(exchange.agent, exchange.user)
        if binding is None:
            await send_json(exchange.send, _not_served(exchange, None), 404)
            return
        parts = messages_of(body)
        replies = await asyncio.gather(*(self._answer_part(exchange, binding, part) for part in parts))
        answers = [reply for reply in replies if reply]
        if answers:
            await send_json(exchange.send, b"[%b]" % b",".join(answers))
        else:
            await send_empty(exchange.send, 202)

    async def _answer_part(self, exchange: Exchange, binding: ServedBinding, part: bytes) -> bytes:
        """The encoded reply to one message of a batch; empty when it asks for none."""
        try:
            message = message_of(part)
        except EnvelopeError as error:
            return error_reply(error.id, error.code, str(error))
        if not message.method or not bytes(message.id):
            self._take_note(exchange, message)
            return b""
        if message.method == "initialize":
            return not_in_batch(message)
        if message.method != "tools/call":
            return await self._methods.answer(binding, message)
        key = (exchange.agent, exchange.user, bytes(message.id))
        try:
            with Running(self.running, key, exchange.receive):
                return await self._methods.call(binding, message, _drop)
        except CancelledByClientError:
            return error_reply(bytes(message.id), REQUEST_CANCELLED, "request cancelled")

    def _take_note(self, exchange: Exchange, message: Message) -> None:
        """Act on a notification; responses to requests that we never send are ignored."""
        if message.method == "notifications/cancelled" and (named := cancelled_id(message)):
            self.running.cancel((exchange.agent, exchange.user, named))


def _drop(_notification: bytes) -> None:
    """Notifications have no place in the reply to a batch."""


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = error_reply(b"null", INVALID_REQUEST, refusal.message)
    await send_json(send, body, refusal.status, refusal.headers)


def _unsupported(message: Message, version: str) -> bytes:
    text = f"MCP {version} is not spoken here; use one of {', '.join(SUPPORTED)}"
    data = {"supported": list(SUPPORTED), "requested": version}
    return error_reply(bytes(message.id) or b"null", UNSUPPORTED_VERSION, text, data)


def _not_served(exchange: Exchange, message: Message | None) -> bytes:
    agent, user = exchange.agent, exchange.user
    text = (
        f'no binding is served for agent "{agent}" and user "{user}": create an AgentMCPBinding, or see '
        f"why with: kubectl get amb --field-selector spec.agent={agent},spec.user={user}"
    )
    return error_reply(bytes(message.id) if message and bytes(message.id) else b"null", NOT_SERVED, text)
