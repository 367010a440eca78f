"""Calls between the eras of MCP: what a caller of one gets from an upstream of the other.

Around `calling`. An upstream of 2026-07-28 asks for input by a result; a caller of the initialize era is
asked by requests while its call runs, and the call goes up again with what it said. The other way round there
is no honest way: the upstream of a modern caller is told that nobody can be asked.
"""

import asyncio

import msgspec
import structlog

from pipewise_crds import Verdict

from .calling import Calling
from .core.catalogue import Tool
from .core.eras import Era, Fields, asks_for_input, without_hops
from .core.retry import GiveUp, Outcome
from .ports import Caller, UpstreamFaultError
from .problems import failure
from .served import ServedBinding, ServedService
from .under_way import UnderWay

log = structlog.get_logger()

MOST_ROUNDS = 10
"""How often one call may ask for input."""

_PAUSES_SECONDS = (0.05, 0.1, 0.2)
"""Before going up again with nothing but the upstream's own state."""

_CUT_SHORT = (
    b'{"code":-32011,"message":"this runtime is about to end, and the call was not carried out: try again"}'
)
_ENDLESS = b'{"code":-32603,"message":"the service went on asking for input"}'


class _InputRequest(msgspec.Struct):
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _InputRequired(msgspec.Struct, rename="camel"):
    input_requests: dict[str, _InputRequest] | None = None
    request_state: msgspec.Raw = msgspec.Raw()


_fields = msgspec.json.Decoder(Fields)
_input_required = msgspec.json.Decoder(_InputRequired)


class Crossing:
    """Carries out calls and lets the eras meet."""

    def __init__(self, calling: Calling, under_way: UnderWay) -> None:
        self._calling, self._under_way = calling, under_way

    async def call(self, binding: ServedBinding, params: bytes, caller: Caller) -> bytes:
        """The encoded result of tools/call; see `ports.Calls`."""
        under_way = self._under_way
        if under_way.is_over:
            raise UpstreamFaultError(_CUT_SHORT)
        under_way.begin()
        try:
            result = without_hops(await self._calling.call(binding, params, caller))
            if caller.speaks.era is Era.MODERN or not asks_for_input(result):
                return result
            return await self._with_input(binding, params, caller, result)
        except asyncio.CancelledError as error:
            if under_way.was_cut_short():  # where nothing is being carried out: see `operating` for the rest
                raise UpstreamFaultError(_CUT_SHORT) from error
            raise
        finally:
            under_way.end()

    async def _with_input(
        self, binding: ServedBinding, params: bytes, caller: Caller, result: bytes
    ) -> bytes:
        """Ask the caller for what the results want, until one is complete or the service's time is over."""
        service, tool = self._calling.target(binding, params)
        until = asyncio.get_running_loop().time() + service.timeout_seconds
        for number in range(MOST_ROUNDS):
            wanted = _input_required.decode(result)
            try:
                async with asyncio.timeout_at(until):
                    responses = await _responses(wanted, caller)
                    if not responses:
                        await asyncio.sleep(_PAUSES_SECONDS[min(number, len(_PAUSES_SECONDS) - 1)])
            except TimeoutError:
                return _unanswered(binding, service, tool, number + 1)
            again = {**_fields.decode(params), "inputResponses": msgspec.Raw(msgspec.json.encode(responses))}
            if bytes(wanted.request_state):
                again["requestState"] = wanted.request_state
            result = without_hops(await self._calling.call(binding, msgspec.json.encode(again), caller))
            if not asks_for_input(result):
                return result
        raise UpstreamFaultError(_ENDLESS)


def _unanswered(binding: ServedBinding, service: ServedService, tool: Tool, attempts: int) -> bytes:
    """The encoded result that says that the caller did not say in time what the service wants to know."""
    log.warning(
        "questions_unanswered", agent=binding.agent, user=binding.user, app=service.app, tool=tool.name
    )
    outcome = Outcome.FAILED if tool.read_only else Outcome.UNKNOWN
    given_up = GiveUp(
        Verdict.UPSTREAM_UNAVAILABLE, outcome, "what the service asked was not answered in time"
    )
    return failure(service, given_up, attempts)


async def _responses(wanted: _InputRequired, caller: Caller) -> Fields:
    """What the caller says to each question; its refusal is the end of the call."""
    responses: Fields = {}
    for key, request in (wanted.input_requests or {}).items():
        said = await caller.ask(request.method, bytes(request.params))
        if said.error:
            raise UpstreamFaultError(said.error)
        responses[key] = msgspec.Raw(said.result)
    return responses
