"""A tool call: find its service, look whether anything stands in its way, carry it out, say how it went.

Stands between `server` and `operating`; what it learns goes to the providers, the breakers and the evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import structlog

from pipewise_crds import Verdict

from .admitting import Admitting
from .core.breaker import Breaker
from .core.catalogue import Tool
from .core.param_headers import mismatch
from .core.retry import AccountRequired, GiveUp, Happened, Operation, Outcome, Throttled
from .operating import Answered, Asked, Unanswered, counts
from .ports import Caller, HeaderMismatchError, Token, UnknownToolError, UpstreamFaultError
from .probing import Probing
from .problems import failure
from .providers import Provider
from .registry import Registry
from .served import ServedBinding, ServedService
from .standing import Standing
from .upstream.head import SessionKey

log = structlog.get_logger()


class _Params(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Result(msgspec.Struct, rename="camel"):
    is_error: bool = False


_params_decoder = msgspec.json.Decoder(_Params)
_result_decoder = msgspec.json.Decoder(_Result)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call and all it concerns."""

    binding: ServedBinding
    service: ServedService
    tool: Tool
    provider: Provider
    begun: float
    """When it came, on the monotonic clock; what it waited for before it was tried counts too."""

    @property
    def place(self) -> tuple[str, str]:
        """The (binding, service) pair it belongs to."""
        return self.binding.name, self.service.name


class Calling:
    """Carries out tool calls of bindings."""

    def __init__(
        self, registry: Registry, admitting: Admitting, standing: Standing, probing: Probing
    ) -> None:
        self._registry, self._admitting = registry, admitting
        self._standing, self._probing = standing, probing
        self._clock, self._metrics, self._evidence = registry.clock, registry.metrics, registry.evidence

    async def call(self, binding: ServedBinding, params: bytes, caller: Caller) -> bytes:
        """The encoded result of tools/call; see `ports.Calls`."""
        try:
            read = _params_decoder.decode(params)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"tools/call: {error}") from error
        begun = self._clock.monotonic()
        await self._probing.looked_at(binding, _shortest_timeout(binding))
        now_served = self._registry.binding(binding.agent, binding.user)
        if now_served is None:
            raise UnknownToolError(read.name)
        binding = now_served
        route = self._registry.catalogue(binding).routes.get(read.name)
        if route is None:
            return self._without_catalogue(binding, read.name)
        if caller.headers is not None and route.tool.headers:
            _check_headers(route.tool, _arguments(read), caller.headers)
        service = binding.services[route.service]
        if binding.is_demo(service):
            self._metrics.demo_calls.labels(binding.agent, service.app).inc()
            return self._registry.demo.call(binding.user, service.app, route.tool.name, _arguments(read))
        if route.tool.name != read.name:
            params = _renamed(params, route.tool.name)
        call = _Call(binding, service, route.tool, self._registry.provider(binding, service), begun)
        return await self._carry_out(call, params, caller)

    def _without_catalogue(self, binding: ServedBinding, name: str) -> bytes:
        """Answer for a tool we do not know: its app has not listed its tools yet, or there is none."""
        for service in binding.live():
            known = self._registry.provider(binding, service).toolset
            if not known and name.partition("-")[0] == service.app:
                cause = "the service has not listed its tools yet"
                given_up = GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, cause)
                return failure(service, given_up, attempts=0)
        raise UnknownToolError(name)

    async def _carry_out(self, call: _Call, params: bytes, caller: Caller) -> bytes:
        binding, service = call.binding, call.service
        project = self._registry.projects.get(binding.project)
        if project is None:
            cause = f"the PipedreamProject {binding.project} does not exist"
            return failure(service, GiveUp(Verdict.PROJECT_CREDENTIAL_INVALID, Outcome.NOT_RUN, cause), 0)
        asked = Asked(
            key=SessionKey(project, service.app, binding.user, service.account_id),
            method="tools/call",
            params=params,
            gate=partial(self._gate, call),
            noticed=partial(self._noticed, call),
            retried=partial(self._retried, call),
            listed_healthy=partial(self._listed_healthy, call),
            speaks=caller.speaks,
            on_notification=partial(self._heard, call, caller),
            on_request=caller.ask,
            tool=call.tool.name,
            param_headers=call.tool.headers,
        )
        operation = Operation(call.tool.read_only, call.begun + service.timeout_seconds, binding.resilience)
        came = await self._admitting.run(call.place, asked, operation)
        self._metrics.duration.labels(service.app).observe(self._clock.monotonic() - call.begun)
        return self._answered(call, came) if isinstance(came, Answered) else self._unanswered(call, came)

    def _gate(self, call: _Call) -> Happened | GiveUp | None:
        """What stands in the way of sending: an open breaker, or the quota; else one more run is counted."""
        now = self._clock.monotonic()
        for breaker in (call.provider.breaker, self._registry.user_breakers.get(call.place)):
            if breaker and breaker.open:
                cause = "the service did not answer before; it is being probed"
                wait = breaker.retry_after(now)
                return GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, cause, wait)
        wait = self._standing.over_quota(call.binding.project, call.binding.name)
        return Throttled(wait) if wait else None

    def _noticed(self, call: _Call, happened: Happened, token: Token | None) -> None:
        self._standing.noticed(call.binding.project, happened, token)
        if counts(happened):
            self._failed(call, happened.cause)

    def _failed(self, call: _Call, cause: str) -> None:
        if not self._registry.serves(call.binding, call.service):
            return  # dropped while the call ran: nobody would ever clear what is noted now
        call.provider.failed(call.binding.name, cause)
        spec = call.binding.resilience.breaker
        breaker = self._registry.user_breakers.setdefault(
            call.place, Breaker(spec.failures, spec.open_for.total_seconds())
        )
        breaker.failed(self._clock.monotonic())
        self._probing.wake()

    def _retried(self, call: _Call, reason: str) -> None:
        self._metrics.retries.labels(call.service.app, reason).inc()
        if reason == "session":
            self._metrics.reinitialisations.labels(call.service.app).inc()

    def _heard(self, call: _Call, caller: Caller, notification: bytes) -> None:
        """Pass a notification on; that tools changed is told on other streams, once the new list is known."""
        if b'"notifications/tools/list_changed"' not in notification:
            caller.notify(notification)
            return
        call.provider.announcement.made()
        self._probing.wake()

    def _listed_healthy(self, call: _Call) -> bool:
        """What the accounts list says now; it may have changed while the call runs."""
        binding = self._registry.binding(call.binding.agent, call.binding.user)
        service = binding.service(call.service.name) if binding else None
        return service is not None and service.account == "Healthy"

    def _answered(self, call: _Call, came: Answered) -> bytes:
        call.provider.worked()
        self._registry.user_breakers.pop(call.place, None)
        self._evidence.settled(*call.place)
        self._standing.answered(call.binding.project, came.token)
        if error := bytes(came.message.error):
            self._count(call, "tool_error")
            raise UpstreamFaultError(error)
        result = bytes(came.message.result)
        self._count(call, "tool_error" if _is_error(result) else "ok")
        return result

    def _unanswered(self, call: _Call, came: Unanswered) -> bytes:
        given_up, happened = came.given_up, came.happened
        self._count(call, given_up.outcome.value)
        is_own = given_up.verdict is Verdict.CREDENTIAL_INVALID
        if is_own and self._registry.serves(call.binding, call.service):
            self._evidence.trouble(*call.place, given_up.verdict, given_up.cause, self._clock.wall())
        log.warning(
            "call_failed", agent=call.binding.agent, user=call.binding.user, app=call.service.app,
            tool=call.tool.name, verdict=given_up.verdict.value, outcome=given_up.outcome.value,
            attempts=came.attempts, cause=given_up.cause,
        )  # fmt: skip
        connect_url = happened.connect_url if isinstance(happened, AccountRequired) else None
        return failure(call.service, given_up, came.attempts, connect_url)

    def _count(self, call: _Call, outcome: str) -> None:
        self._metrics.calls.labels(call.binding.agent, call.service.app, outcome).inc()


def _shortest_timeout(binding: ServedBinding) -> float:
    """How long any call of the binding may wait before it is known which service it is for."""
    return min((service.timeout_seconds for service in binding.services), default=0.0)


def _arguments(params: _Params) -> dict[str, Any]:
    try:
        return msgspec.json.decode(params.arguments, type=dict[str, Any] | None) or {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"tools/call: arguments: {error}") from error


def _check_headers(tool: Tool, arguments: dict[str, Any], headers: Mapping[str, str]) -> None:
    if fault := mismatch(tool.headers, arguments, headers):
        raise HeaderMismatchError(fault)


def _is_error(result: bytes) -> bool:
    if b'"isError"' not in result:
        return False
    try:
        return _result_decoder.decode(result).is_error
    except msgspec.DecodeError:
        return True  # whatever it means by that, it does not say that all went well


def _renamed(params: bytes, name: str) -> bytes:
    fields = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**fields, "name": name})
