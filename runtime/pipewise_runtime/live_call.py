"""One call that goes to the upstream: what stands in its way, and what is learned from how it went.

Made by `calling`, followed by `operating`; what it learns goes to providers, breakers and the evidence.
"""

from dataclasses import dataclass

import msgspec
import structlog

from pipewise_crds import ExceptionReport, Verdict

from .core.breaker import Breaker
from .core.catalogue import Tool
from .core.retry import NOT_SERVED, AccountRequired, GiveUp, Happened, Outcome, Throttled
from .core.tool_errors import is_tool_error
from .operating import Answered, Unanswered, counts, refuses
from .ports import Caller, Token, UpstreamFaultError
from .probing import Probing
from .problems import failure
from .providers import Provider
from .registry import Registry
from .served import ServedBinding, ServedService
from .standing import Standing

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Scene:
    """Where calls happen: what is served, how projects stand, who probes."""

    registry: Registry
    standing: Standing
    probing: Probing


class LiveCall(msgspec.Struct, frozen=True):
    """One call and all it concerns; the `Asker` of its operation."""

    scene: Scene
    caller: Caller
    binding: ServedBinding
    service: ServedService
    tool: Tool
    provider: Provider
    begun: float
    """When it came, on the monotonic clock; what it waited for before it was tried counts too."""
    place: tuple[str, str]
    """The (binding, service) pair it belongs to."""

    def gate(self) -> Happened | GiveUp | None:
        """What stands in the way: no binding any more, an open breaker, the quota; else a run is counted."""
        registry = self.scene.registry
        if not self.still_served():
            return NOT_SERVED
        own = registry.user_breakers.get(self.place)
        if self.provider.breaker.open:
            return self._refused_by(self.provider.breaker)
        if own and own.open:
            return self._refused_by(own)
        wait = self.scene.standing.over_quota(self.binding.project, self.binding.name)
        return Throttled(wait) if wait else None

    def still_served(self) -> bool:
        """Whether its binding still has the service."""
        return self.scene.registry.serves(self.binding, self.service)

    def noticed(self, happened: Happened, token: Token | None) -> None:
        """Have a failed try noted: what concerns the project, and what speaks against the provider."""
        self.scene.standing.noticed(self.binding.project, happened, token)
        if counts(happened):
            self._failed(happened.cause)

    def retried(self, reason: str) -> None:
        """Count another try."""
        metrics = self.scene.registry.metrics
        metrics.retries.labels(self.service.app, reason).inc()
        if reason == "session":
            metrics.reinitialisations.labels(self.service.app).inc()

    def listed_healthy(self) -> bool:
        """What the accounts list says now; it may have changed while the call runs."""
        binding = self.scene.registry.binding(self.binding.agent, self.binding.user)
        service = binding.service(self.service.name) if binding else None
        return service is not None and service.account == "Healthy"

    def heard(self, notification: bytes) -> None:
        """Pass a notification on; that tools changed is told on other streams, once the new list is known."""
        if b'"notifications/tools/list_changed"' not in notification:
            self.caller.notify(notification)
            return
        self.provider.announcement.made()
        self.scene.probing.wake()

    def answered(self, came: Answered) -> bytes:
        """The encoded result, which may be an error of the tool's own.

        Raises:
            UpstreamFaultError: the answer is a JSON-RPC error.
        """
        registry = self.scene.registry
        self.provider.worked()
        registry.user_breakers.pop(self.place, None)
        if met := registry.evidence.exception(*self.place):
            self._settle(met)
        self.scene.standing.answered(self.binding.project, came.token)
        if error := came.answer.error:
            self._count("tool_error")
            raise UpstreamFaultError(error)
        result = came.answer.result
        self._count("tool_error" if is_tool_error(result) else "ok")
        return result

    def unanswered(self, came: Unanswered) -> bytes:
        """The encoded result that says why there is no answer."""
        given_up, happened, registry = came.given_up, came.happened, self.scene.registry
        self._count(given_up.outcome.value)
        if is_refused := refuses(happened):
            self.provider.breaker.ask_for_probe(registry.clock.monotonic())
            self.scene.probing.wake()
        if registry.serves(self.binding, self.service):
            self._note(given_up, is_refused=is_refused)
        log.warning(
            "call_failed", agent=self.binding.agent, user=self.binding.user, app=self.service.app,
            tool=self.tool.name, verdict=given_up.verdict.value, outcome=given_up.outcome.value,
            attempts=came.attempts, cause=given_up.cause,
        )  # fmt: skip
        connect_url = happened.connect_url if isinstance(happened, AccountRequired) else None
        return failure(self.service, given_up, came.attempts, connect_url)

    def _note(self, given_up: GiveUp, *, is_refused: bool) -> None:
        """Note what the call was given up for, where that is the trouble of this user alone.

        A refusal is not, while the app itself is unwell: its own report says so for all its users.
        """
        evidence, now = self.scene.registry.evidence, self.scene.registry.clock.wall()
        is_refused = is_refused and self.provider.available is not False
        if given_up.verdict is Verdict.CREDENTIAL_INVALID or is_refused:
            evidence.trouble(*self.place, given_up.verdict, given_up.cause, now)
        elif given_up.verdict is Verdict.QUOTA_EXHAUSTED:
            until = self.scene.standing.refused(self.binding.project, given_up.retry_after_seconds or 0.0)
            if until:
                evidence.refused(*self.place, given_up.cause, now, until)

    def _settle(self, met: ExceptionReport) -> None:
        """End what calls met before; but where runs are short, one answer says nothing of the next call."""
        is_quota = met.verdict is Verdict.QUOTA_EXHAUSTED
        if not (is_quota and self.scene.standing.is_short(self.binding.project)):
            self.scene.registry.evidence.settled(*self.place)

    def _refused_by(self, breaker: Breaker) -> GiveUp:
        cause = "the service did not answer before; it is being probed"
        wait = breaker.retry_after(self.scene.registry.clock.monotonic())
        return GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, cause, wait)

    def _failed(self, cause: str) -> None:
        registry = self.scene.registry
        if not registry.serves(self.binding, self.service):
            return  # dropped while the call ran: nobody would ever clear what is noted now
        self.provider.failed(self.binding.name, cause)
        spec = self.binding.resilience.breaker
        breaker = registry.user_breakers.setdefault(
            self.place, Breaker(spec.failures, spec.open_for.total_seconds())
        )
        breaker.failed(registry.clock.monotonic())
        self.scene.probing.wake()

    def _count(self, outcome: str) -> None:
        metrics = self.scene.registry.metrics
        metrics.calls_by[self.binding.agent, self.service.app, outcome].inc()
