"""Asking an app for its tools, page by page: what a probe does."""

from dataclasses import dataclass

import msgspec

from pipewise_crds import Fault, Resilience

from .clock import Clock
from .core.catalogue import Toolset, tool_from
from .core.retry import Forbidden, Happened, Operation
from .operating import Asked, Operating, Unanswered, counts, refuses
from .ports import Token
from .registry import Registry
from .served import ServedBinding, ServedService
from .standing import Standing
from .upstream.head import SessionKey

PROBE_SECONDS = 10.0
"""Deadline of the whole list."""

MOST_PAGES = 100
"""Pages taken from one app; an upstream that goes on is given up."""

_ONE_TRY = Resilience(max_retries=0)


class NoVerdictError(Exception):
    """The list met quota, token or account trouble, which says nothing of the service."""


class ProbeFailedError(Exception):
    """The service did not answer as it should; breakers count this, unless it is an uncounted one."""


class ProbeUncountedError(ProbeFailedError):
    """The service is there, and answered with an error or refused what it was asked."""

    def __init__(self, cause: str, fault: Fault = "Outage") -> None:
        super().__init__(cause)
        self.fault: Fault = fault


class _Page(msgspec.Struct, rename="camel"):
    tools: list[msgspec.Raw]
    next_cursor: str | None = None


_page_decoder = msgspec.json.Decoder(_Page)


@dataclass(frozen=True, slots=True)
class _Prober:
    """Nobody's breaker or quota stands in a probe's way; what it meets concerns the project as a whole."""

    standing: Standing
    registry: Registry
    binding: ServedBinding
    service: ServedService

    def gate(self) -> None:
        """Let every probe pass."""

    def still_served(self) -> bool:
        """Whether the binding whose session it uses is still there."""
        return self.registry.serves(self.binding, self.service)

    def noticed(self, happened: Happened, token: Token | None) -> None:
        """Have what happened noted."""
        self.standing.noticed(self.binding.project, happened, token)

    def retried(self, _reason: str) -> None:
        """Count nothing."""

    def listed_healthy(self) -> bool:
        """Trust no account: a list of tools needs none."""
        return False


class Listing:
    """Lists the tools of an app through one user's session."""

    def __init__(self, registry: Registry, operating: Operating, standing: Standing, clock: Clock) -> None:
        self._registry, self._operating, self._standing, self._clock = registry, operating, standing, clock

    async def tools(self, binding: ServedBinding, service: ServedService) -> Toolset:
        """All tools of a service's app.

        Raises:
            NoVerdictError: the project's token or quota stood in the way, or it changed meanwhile.
            ProbeFailedError: the service did not answer as it should.
        """
        project = self._registry.projects.get(binding.project)
        if project is None:
            raise NoVerdictError(f"the PipedreamProject {binding.project} does not exist")
        key = SessionKey(project, service.app, binding.user, service.account_id)
        prober = _Prober(self._standing, self._registry, binding, service)
        deadline = self._clock.monotonic() + PROBE_SECONDS
        definitions: list[msgspec.Raw] = []
        params = b"{}"
        for _ in range(MOST_PAGES):
            page = await self._page(prober, key, params, deadline)
            definitions += page.tools
            if self._registry.projects.get(binding.project) != project:
                raise NoVerdictError(f"the PipedreamProject {binding.project} changed meanwhile")
            if not page.next_cursor:
                return _toolset(definitions)
            params = msgspec.json.encode({"cursor": page.next_cursor})
        raise ProbeFailedError(f"the list of tools has more than {MOST_PAGES} pages")

    async def _page(self, prober: _Prober, key: SessionKey, params: bytes, deadline: float) -> _Page:
        asked = Asked(prober, key, "tools/list", params)
        came = await self._operating.run(asked, Operation(read_only=True, deadline=deadline, policy=_ONE_TRY))
        if isinstance(came, Unanswered):
            raise _failure(came)
        self._standing.accepted(key.project.name, came.token)
        if came.answer.error:
            raise ProbeUncountedError("the service answers tools/list with an error")
        try:
            return _page_decoder.decode(came.answer.result)
        except msgspec.DecodeError as error:
            raise ProbeFailedError(f"the list of tools is malformed: {error}") from error


def _failure(came: Unanswered) -> Exception:
    happened, cause = came.happened, came.given_up.cause
    if counts(happened):
        return ProbeFailedError(cause)
    if not refuses(happened):
        return NoVerdictError(cause)
    return ProbeUncountedError(cause, "ProjectRefused" if isinstance(happened, Forbidden) else "Refused")


def _toolset(definitions: list[msgspec.Raw]) -> Toolset:
    try:
        return Toolset(tuple(tool_from(bytes(each)) for each in definitions))
    except msgspec.DecodeError as error:
        raise ProbeFailedError(f"the list of tools is malformed: {error}") from error
