"""What clients of the initialize era post: single messages and, in the versions that have them, batches."""

import asyncio

import structlog

from pipewise_runtime.core.eras import PLAIN, Speaks
from pipewise_runtime.ports import Caller, Calls
from pipewise_runtime.served import ServedBinding

from .asgi import send_empty, send_json
from .envelope import (
    HEADER_MISMATCH,
    INVALID_REQUEST,
    REQUEST_CANCELLED,
    EnvelopeError,
    Message,
    error_reply,
    fault_reply,
    message_of,
    messages_of,
    result_reply,
)
from .exchange import Exchange, id_of, not_served, refuse
from .heads import Refusal
from .log_levels import from_rank
from .methods import FaultError, Methods, cancelled_id, chosen_rank
from .questions import Questions, unasked
from .running import CancelledByClientError, Running, RunningCalls
from .sessions import ChosenLevels, EndedSessions, opened, speaks_of
from .streaming import Reply
from .versions import WITH_BATCHES

log = structlog.get_logger()

_MODERN_KEY = b'"io.modelcontextprotocol/protocolVersion"'
_NO_SESSION = Refusal(404, "there is no such session; initialize another")


class HandshakePosts:
    """Answers posts of clients that have been through initialize, or do without."""

    def __init__(self, calls: Calls, methods: Methods, running: RunningCalls, questions: Questions) -> None:
        self._calls, self._methods = calls, methods
        self._running, self._questions = running, questions
        self._ended, self._levels = EndedSessions(), ChosenLevels()

    async def take(self, exchange: Exchange, message: Message) -> None:
        """Answer one message."""
        binding = self._calls.binding(exchange.agent, exchange.user)
        speaks = self._speaks(exchange)
        if binding is None:
            await send_json(exchange.send, not_served(*exchange.place, message), 404)
        elif message.method == "initialize":
            await self._initialize(exchange, message)
        elif speaks is None:
            await refuse(exchange.send, _NO_SESSION)
        elif not message.method or not bytes(message.id):
            self._take_note(exchange, message)
            await send_empty(exchange.send, 202)
        elif message.method == "tools/call":
            await self._call(exchange, binding, message, speaks)
        elif not exchange.terms.names_version and _MODERN_KEY in bytes(message.params):
            text = "MCP-Protocol-Version is missing although the body names a version"
            await send_json(exchange.send, error_reply(id_of(message), HEADER_MISMATCH, text), 400)
        else:
            await send_json(exchange.send, await self._answer(exchange, binding, message))

    async def end(self, exchange: Exchange) -> None:
        """End a session, as its client asks."""
        if not exchange.session:
            await refuse(exchange.send, Refusal(400, "Mcp-Session-Id must name the session to end"))
        elif self._speaks(exchange) is None:
            await refuse(exchange.send, Refusal(404, "there is no such session"))
        else:
            self._ended.add(exchange.session)
            await send_empty(exchange.send, 204)

    async def take_batch(self, exchange: Exchange, body: bytes) -> None:
        """Answer a batch."""
        if exchange.terms.version not in WITH_BATCHES:
            text = f"MCP {exchange.terms.version} has no batches: send one message"
            raise EnvelopeError(INVALID_REQUEST, text)
        binding = await self.admitted(exchange)
        if binding is None:
            return
        parts = messages_of(body)
        replies = await asyncio.gather(*(self._answer_part(exchange, binding, part) for part in parts))
        answers = [reply for reply in replies if reply]
        if answers:
            await send_json(exchange.send, b"[%b]" % b",".join(answers))
        else:
            await send_empty(exchange.send, 202)

    async def admitted(self, exchange: Exchange) -> ServedBinding | None:
        """The binding, where it is served and the client's session goes on; else the client is told so."""
        binding = self._calls.binding(*exchange.place)
        if binding is None:
            await send_json(exchange.send, not_served(*exchange.place, None), 404)
        elif self._speaks(exchange) is None:
            await refuse(exchange.send, _NO_SESSION)
        else:
            return binding
        return None

    def _speaks(self, exchange: Exchange) -> Speaks | None:
        """How the client speaks; None where it names a session that is not, or not any more."""
        if not exchange.session:
            return PLAIN
        return None if exchange.session in self._ended else speaks_of(exchange.session)

    async def _initialize(self, exchange: Exchange, request: Message) -> None:
        try:
            result, capabilities = self._methods.initialize(request)
        except FaultError as fault:
            await send_json(exchange.send, fault_reply(id_of(request), fault.error))
            return
        session = (b"mcp-session-id", opened(capabilities))
        await send_json(exchange.send, result_reply(id_of(request), result), headers=(session,))

    async def _call(
        self, exchange: Exchange, binding: ServedBinding, request: Message, speaks: Speaks
    ) -> None:
        reply = Reply(exchange.send, takes_events=exchange.terms.takes_events)
        ask = self._questions.asking(exchange.place, speaks, reply.notify) if reply.takes_events else unasked
        notify = from_rank(self._levels.of(exchange.session), reply.notify)
        identity = bytes(request.id)
        try:
            with Running(self._running, (*exchange.place, exchange.session, identity), exchange.receive):
                response = await self._called(binding, request, Caller(notify, ask, speaks))
        except CancelledByClientError:
            log.info("call_cancelled", agent=exchange.agent, user=exchange.user)
            await reply.abandon(error_reply(identity, REQUEST_CANCELLED, "request cancelled"))
        else:
            await reply.finish(response)

    async def _called(self, binding: ServedBinding, request: Message, caller: Caller) -> bytes:
        try:
            return result_reply(
                bytes(request.id), await self._methods.call(binding, bytes(request.params), caller)
            )
        except FaultError as fault:
            return fault_reply(bytes(request.id), fault.error)

    async def _answer(self, exchange: Exchange, binding: ServedBinding, request: Message) -> bytes:
        try:
            result = await self._methods.handshake(binding, request)
        except FaultError as fault:
            return fault_reply(bytes(request.id), fault.error)
        if request.method == "logging/setLevel" and exchange.session:
            self._levels.choose(exchange.session, chosen_rank(request))
        return result_reply(bytes(request.id), result)

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
            return error_reply(id_of(message), INVALID_REQUEST, "initialize must not be part of a batch")
        if message.method != "tools/call":
            return await self._answer(exchange, binding, message)
        key = (*exchange.place, exchange.session, bytes(message.id))
        try:
            with Running(self._running, key, exchange.receive):
                return await self._called(binding, message, Caller(_drop, unasked))
        except CancelledByClientError:
            return error_reply(bytes(message.id), REQUEST_CANCELLED, "request cancelled")

    def _take_note(self, exchange: Exchange, message: Message) -> None:
        """Act on a notification, or on the answer to a question."""
        if not message.method:
            self._questions.answered(exchange.place, message)
        elif message.method == "notifications/cancelled" and (named := cancelled_id(message)):
            self._running.cancel((*exchange.place, exchange.session, named))


def _drop(_notification: bytes) -> None:
    """Notifications have no place in the reply to a batch."""
