"""One request, its faults and its reply: the only place where faults meet the wire.

``mcp_endpoint`` and ``rest`` compute a reply; this module decides whether they get to,
and what becomes of it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pipewise_sandbox.faults import Fault, Occasion, Taken
from pipewise_sandbox.reply import HTML, Reply, page, too_many, unauthorized
from pipewise_sandbox.wire import Wire

Perform = Callable[[Fault | None], Reply]
_TAKEN_BACK = Reply(202)
_SPOILERS = ("wrong_content_type", "truncated", "bad_json")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that is being answered.

    Attributes:
        occasion: What it is, for the counters.
        wire: Where it came from.
        taken: The faults that befall it.
        perform: Runs the action and gives the reply; a fault that is a matter of MCP is handed to it.
        counters: Replies by method and outcome (status, or the kind of a fault that left none).
        cancelled: Set when the client takes the request back.
        on_cancel: The reply to a request that was taken back.
    """

    occasion: Occasion
    wire: Wire
    taken: Taken
    perform: Perform
    counters: Counter[tuple[str, str]]
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    on_cancel: Reply = _TAKEN_BACK

    async def run(self) -> None:
        """Carry it through, faults and all."""
        fault = self.taken.decisive
        if not await self._waited("before"):
            return
        if fault is not None and fault.when == "before" and fault.kind in {"drop", "hang"}:
            await self._unanswered(fault)
            return
        reply = _instead(fault) if fault is not None and fault.when == "before" else None
        if reply is None:
            reply = self.perform(fault)
            if not await self._waited("after"):
                return
            if fault is not None and fault.kind in {"drop", "hang"}:
                await self._unanswered(fault, reply)
                return
            reply = (_instead(fault) if fault is not None else None) or _spoiled(fault, reply)
        await self._answered(reply)

    async def _waited(self, when: str) -> bool:
        """Sit out a delay; False when the request was taken back meanwhile, and answered so."""
        seconds = self.taken.delay_seconds(when)
        if seconds == 0:
            return True
        try:
            await asyncio.wait_for(self.cancelled.wait(), seconds)
        except TimeoutError:
            return True
        await self._answered(self.on_cancel)
        return False

    async def _unanswered(self, fault: Fault, reply: Reply | None = None) -> None:
        self.counters[self.occasion.method, fault.kind] += 1
        if fault.kind == "hang":
            await self._hang()
        elif fault.when == "mid" and reply is not None:
            await self.wire.half(reply)
        else:
            await self.wire.cut()

    async def _hang(self) -> None:
        """Say nothing until the client leaves or takes the request back."""
        gone = asyncio.ensure_future(self.wire.gone())
        cancelled = asyncio.ensure_future(self.cancelled.wait())
        try:
            await asyncio.wait({gone, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            cancelled.cancel()
        if self.cancelled.is_set():
            await self._answered(self.on_cancel)

    async def _answered(self, reply: Reply) -> None:
        self.counters[self.occasion.method, str(reply.status)] += 1
        fault = self.taken.decisive
        if fault is not None and fault.kind == "slow_drip":
            await self.wire.drip(reply, fault.seconds)
        else:
            await self.wire.reply(reply)


def _instead(fault: Fault) -> Reply | None:
    """The reply that stands in for the real one; None where the fault lets the real one be."""
    match fault.kind:
        case "status":
            return _status(fault)
        case "unauthorized":
            return unauthorized()
        case "quota":
            return too_many(fault.retry_after or 1, fault.wait_headers)
        case "html":
            return page("Pipedream", "<p>Connect APIs, remarkably fast</p>")
        case _:
            return None


def _status(fault: Fault) -> Reply:
    status = fault.status or 503
    body = (fault.body if fault.body is not None else f'{{"error":"injected {status}"}}').encode()
    after = () if fault.retry_after is None else (("Retry-After", f"{fault.retry_after:g}"),)
    return Reply(status, body, fault.content_type or "application/json", after)


def _spoiled(fault: Fault | None, reply: Reply) -> Reply:
    """The real reply, damaged as the fault has it."""
    if fault is None or fault.kind not in _SPOILERS:
        return reply
    match fault.kind:
        case "wrong_content_type":
            return replace(reply, content_type=fault.content_type or HTML)
        case "truncated":
            return replace(reply, body=reply.body[: len(reply.body) // 2])
        case _:
            return reply.saying(b'{"jsonrpc": "2.0", "result": oops')
