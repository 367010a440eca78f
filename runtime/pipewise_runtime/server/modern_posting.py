"""What clients of MCP 2026-07-28 post: requests that stand alone, each with all it takes to answer it."""

import structlog

from pipewise_runtime.core.eras import MODERN_VERSION, UNASKED, completed
from pipewise_runtime.ports import Caller, Calls
from pipewise_runtime.served import ServedBinding

from .asgi import send_empty, send_json
from .envelope import (
    INVALID_REQUEST,
    REQUEST_CANCELLED,
    EnvelopeError,
    Message,
    encoded_error,
    error_reply,
    fault_reply,
    is_batch,
    message_of,
    result_reply,
)
from .exchange import Exchange, id_of, not_served, refuse
from .heads import Refusal, param_headers_of, routing_of
from .log_levels import from_rank
from .methods import FaultError, Methods
from .modern import STATUS, Envelope, Rejection, examined, unsupported
from .questions import unasked
from .running import CancelledByClientError, Running, RunningCalls
from .streaming import Reply
from .subscribing import Subscriptions

log = structlog.get_logger()


class ModernPosts:
    """Answers posts of clients that speak 2026-07-28."""

    def __init__(
        self, calls: Calls, methods: Methods, running: RunningCalls, subscriptions: Subscriptions
    ) -> None:
        self._calls, self._methods = calls, methods
        self._running, self._subscriptions = running, subscriptions

    async def take(self, exchange: Exchange, body: bytes) -> None:
        """Answer one message."""
        if is_batch(body):
            raise EnvelopeError(INVALID_REQUEST, f"MCP {MODERN_VERSION} has no batches: send one message")
        message = message_of(body)
        if not message.method:
            raise EnvelopeError(INVALID_REQUEST, f"MCP {MODERN_VERSION} has no responses of clients")
        if not bytes(message.id):
            await self._take_note(exchange)
            return
        envelope = examined(message, routing_of(exchange.routing))
        binding = self._calls.binding(exchange.agent, exchange.user)
        if isinstance(envelope, Rejection):
            await _reject(exchange, message, envelope)
        elif binding is None:
            await send_json(exchange.send, not_served(*exchange.place, message), 404)
        elif message.method == "tools/call":
            await self._call(exchange, binding, message, envelope)
        elif message.method == "subscriptions/listen":
            await self._listen(exchange, message)
        else:
            await self._answer(exchange, binding, message)

    async def _take_note(self, exchange: Exchange) -> None:
        """Accept a notification; there is none that means anything: a client cancels by going away."""
        if exchange.terms.version != MODERN_VERSION:
            rejection = unsupported(exchange.terms.version)
            body = error_reply(b"null", rejection.code, rejection.message, rejection.data)
            await send_json(exchange.send, body, 400)
        else:
            await send_empty(exchange.send, 202)

    async def _call(
        self, exchange: Exchange, binding: ServedBinding, request: Message, envelope: Envelope
    ) -> None:
        reply, identity = Reply(exchange.send, takes_events=exchange.terms.takes_events), bytes(request.id)
        notify = from_rank(envelope.least_rank, reply.notify)
        caller = Caller(notify, unasked, UNASKED, param_headers_of(exchange.headers))
        try:
            with Running(self._running, (*exchange.place, None, identity), exchange.receive):
                result = await self._methods.call(binding, bytes(request.params), caller)
        except CancelledByClientError:
            log.info("call_cancelled", agent=exchange.agent, user=exchange.user)
            await reply.abandon(error_reply(identity, REQUEST_CANCELLED, "request cancelled"))
        except FaultError as fault:
            await reply.finish(fault_reply(identity, fault.error), STATUS.get(fault.code, 200))
        else:
            await reply.finish(result_reply(identity, completed(result)))

    async def _answer(self, exchange: Exchange, binding: ServedBinding, request: Message) -> None:
        try:
            result = await self._methods.modern(binding, request)
        except FaultError as fault:
            reply = fault_reply(bytes(request.id), fault.error)
            await send_json(exchange.send, reply, STATUS.get(fault.code, 200))
        else:
            await send_json(exchange.send, result_reply(bytes(request.id), result))

    async def _listen(self, exchange: Exchange, request: Message) -> None:
        if not exchange.terms.takes_events:
            await refuse(exchange.send, Refusal(406, "Accept must allow text/event-stream"))
            return
        await self._subscriptions.listen(exchange, request)


async def _reject(exchange: Exchange, message: Message, rejection: Rejection) -> None:
    error = encoded_error(rejection.code, rejection.message, rejection.data)
    await send_json(exchange.send, fault_reply(id_of(message), error), STATUS[rejection.code])
