"""The talk with one client of HTTP+SSE: each message it posts, and what is said to it in return.

A client may speak either era here; there are no headers to check, so a request of 2026-07-28 is told by what
it says of itself.
"""

import asyncio
from typing import TYPE_CHECKING

from pipewise_runtime.core.eras import PLAIN, UNASKED, Speaks, canonical, completed
from pipewise_runtime.ports import Caller, Calls
from pipewise_runtime.served import ServedBinding

from .envelope import INVALID_REQUEST, Message, encoded_error, error_reply, fault_reply, result_reply
from .exchange import not_served
from .log_levels import EVERYTHING, from_rank
from .methods import FaultError, Methods, cancelled_id, chosen_rank
from .modern import Rejection, examined
from .questions import Questions, unasked
from .sse_line import Line
from .subscribing import CHANGED, acknowledged, changed_note, over, wants_tools

if TYPE_CHECKING:
    from collections.abc import Callable

_MODERN_KEY = b'"io.modelcontextprotocol/protocolVersion"'


class Talking:
    """Answers one client's messages, as long as its stream is open.

    Args:
        calls: what serves its agent and user.
        methods: what each method is answered with.
        questions: where its answers to questions go.
        place: agent and user.
        line: its stream.
    """

    def __init__(
        self,
        calls: Calls,
        methods: Methods,
        questions: Questions,
        place: tuple[str, str],
        line: Line,
    ) -> None:
        self._calls, self._methods, self._questions = calls, methods, questions
        self._place, self._line, self._say = place, line, line.say
        self._speaks: Speaks = PLAIN
        self._least_rank = EVERYTHING
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._unwatch: Callable[[], None] | None = None
        self._stopping = asyncio.Event()

    def hear(self, message: Message) -> None:
        """Take a message; what it asks for is answered on the stream."""
        identity = bytes(message.id)
        if not message.method:
            self._questions.answered(self._place, message)
        elif not identity:
            self._take_note(message)
        elif identity in self._running:
            self._say(error_reply(identity, INVALID_REQUEST, "a request with this id is running"))
        else:
            task = self._running[identity] = asyncio.create_task(self._answer(message))
            task.add_done_callback(lambda _: self._running.pop(identity, None))

    async def finish(self) -> None:
        """End subscriptions, and wait until all that was asked is answered: the program stops."""
        self._stopping.set()
        while self._running:
            await asyncio.wait(list(self._running.values()))

    def end(self) -> None:
        """The client is gone: its calls end, and nothing is told any more."""
        if self._unwatch:
            self._unwatch()
        for task in list(self._running.values()):
            task.cancel()

    def _take_note(self, message: Message) -> None:
        if message.method == "notifications/cancelled" and (named := cancelled_id(message)):
            if task := self._running.get(named):
                task.cancel()
        elif message.method == "notifications/initialized" and self._unwatch is None:
            self._unwatch = self._calls.watch_tools(*self._place, lambda: self._say(CHANGED))

    async def _answer(self, request: Message) -> None:
        binding = self._calls.binding(*self._place)
        if binding is None:
            self._say(not_served(*self._place, request))
            return
        is_modern = request.method == "server/discover" or _MODERN_KEY in bytes(request.params)
        try:
            result = await (self._modern if is_modern else self._handshake)(binding, request)
        except FaultError as fault:
            self._say(fault_reply(bytes(request.id), fault.error))
        else:
            self._say(result_reply(bytes(request.id), result))

    async def _handshake(self, binding: ServedBinding, request: Message) -> bytes:
        if request.method == "initialize":
            result, capabilities = self._methods.initialize(request)
            self._speaks = Speaks(capabilities=canonical(capabilities))
            return result
        if request.method != "tools/call":
            result = await self._methods.handshake(binding, request)
            if request.method == "logging/setLevel":
                self._least_rank = chosen_rank(request)
            return result
        ask = self._questions.asking(self._place, self._speaks, self._line.note)
        caller = Caller(from_rank(self._least_rank, self._line.note), ask, self._speaks)
        return await self._methods.call(binding, bytes(request.params), caller)

    async def _modern(self, binding: ServedBinding, request: Message) -> bytes:
        envelope = examined(request, None)
        if isinstance(envelope, Rejection):
            raise FaultError(envelope.code, encoded_error(envelope.code, envelope.message, envelope.data))
        if request.method == "subscriptions/listen":
            return await self._listen(request)
        if request.method != "tools/call":
            return await self._methods.modern(binding, request)
        caller = Caller(from_rank(envelope.least_rank, self._line.note), unasked, UNASKED)
        return completed(await self._methods.call(binding, bytes(request.params), caller))

    async def _listen(self, request: Message) -> bytes:
        """Tell of changes until the client cancels the request or goes away, or the program stops."""
        identity, is_told = bytes(request.id), wants_tools(request)
        self._say(acknowledged(identity, is_told=is_told))
        note = changed_note(identity)
        unwatch = self._calls.watch_tools(*self._place, lambda: self._say(note)) if is_told else None
        try:
            await self._stopping.wait()
        finally:
            if unwatch:
                unwatch()
        return over(identity)
