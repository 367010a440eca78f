"""Probes: the only requests that find out whether a service works, and the only ones that close a breaker.

One per app every few minutes and whenever its calls fail, and one for a user in trouble while the app itself
is well. A probe is tools/list: it runs no action.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from pipewise_crds import Fault, Verdict

from .core.breaker import Breaker, Probe
from .core.catalogue import Toolset
from .listing import Listing, NoVerdictError, ProbeFailedError, ProbeUncountedError
from .providers import Provider
from .registry import Registry
from .served import ServedBinding, ServedService

log = structlog.get_logger()

PROBE_EVERY_SECONDS = 240.0
"""How often every app is probed at least, however busy it is: what is said of it is at most five minutes old,
and tools that come and go unannounced are noticed."""

PATIENCE_SECONDS = 10.0
"""How long a caller waits for the first look at an app; then the app is left out."""

AGAIN_SECONDS = 1.0
"""When a probe is repeated that came to nothing."""

REFUSED_AGAIN_SECONDS = 5.0
"""When a probe is repeated that was answered by a refusal or an error: as often as an open breaker's."""

LONGEST_PAUSE_SECONDS = 30.0
"""How long the loop rests at most, should nothing wake it."""


@dataclass(frozen=True, slots=True)
class _OfProvider:
    """A provider whose state is to be found out."""

    provider: Provider
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class _OfUser:
    """One user's use of a service that failed although the provider is well."""

    binding: ServedBinding
    service: ServedService
    breaker: Breaker


def _unheard(_provider: Provider) -> None:
    """Tell nobody."""


class Probing:
    """Makes the probes that breakers ask for."""

    def __init__(self, registry: Registry, listing: Listing) -> None:
        self._registry, self._listing = registry, listing
        self._clock, self._evidence = registry.clock, registry.evidence
        self._woken = asyncio.Event()
        self.on_listed: Callable[[Provider], None] = _unheard
        """Told of each app that has listed its tools."""

    def wake(self) -> None:
        """Something may be due: look now."""
        self._woken.set()

    def ask(self, project: str) -> None:
        """Have all apps of a project probed now."""
        for provider in self._registry.providers.values():
            if provider.project == project:
                provider.breaker.ask_for_probe(self._clock.monotonic())
        self.wake()

    async def looked_at(self, binding: ServedBinding, within_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every live app of the binding was looked at once; bounded by our patience too."""
        if self._registry.settled(binding):
            return
        unseen = [
            provider for provider in self._registry.providers_of(binding) if not provider.looked.is_set()
        ]
        if unseen:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(within_seconds, PATIENCE_SECONDS)):
                    await asyncio.gather(*(provider.looked.wait() for provider in unseen))

    async def run(self) -> None:
        """Probe whatever is due, until cancelled."""
        async with asyncio.TaskGroup() as probes:
            while True:
                self._woken.clear()
                now, pause = self._clock.monotonic(), LONGEST_PAUSE_SECONDS
                for subject in self._subjects(now):
                    if probe := subject.breaker.begin_probe(now):
                        probes.create_task(self._probe(subject, probe))
                    elif (due := subject.breaker.probe_at()) is not None:
                        pause = min(pause, due - now)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()

    def _subjects(self, now: float) -> Iterator[_OfProvider | _OfUser]:
        """Whose breakers may want a probe; users' own only where the provider is known to be well."""
        for provider in list(self._registry.providers.values()):
            due = now - provider.probed_at > PROBE_EVERY_SECONDS * (1 - self._clock.dice() / 4)
            # asked at every look: a call answered in the moment of the announcement takes the wish back
            if due or provider.announcement.is_open:
                provider.breaker.ask_for_probe(now)
            yield _OfProvider(provider, provider.breaker)
        for (name, service_name), breaker in list(self._registry.user_breakers.items()):
            binding = self._registry.named(name)
            service = binding.service(service_name) if binding else None
            if binding is None or service is None or binding.is_demo(service):
                del self._registry.user_breakers[name, service_name]
                continue
            provider = self._registry.provider(binding, service)
            if provider.available and not provider.breaker.awaits_probe:
                yield _OfUser(binding, service, breaker)

    async def _probe(self, subject: _OfProvider | _OfUser, probe: Probe) -> None:
        try:
            toolset = await self._list(subject)
        except NoVerdictError as error:
            log.info("probe_without_verdict", cause=str(error))
            subject.breaker.abandoned(probe, self._clock.monotonic() + AGAIN_SECONDS)
        except ProbeUncountedError as error:
            subject.breaker.abandoned(probe, self._clock.monotonic() + REFUSED_AGAIN_SECONDS)
            self._failed(subject, str(error), error.fault)
        except Exception as error:  # a probe's edge: whatever went wrong, probing goes on
            if not isinstance(error, ProbeFailedError):
                log.exception("probe_broke")
            subject.breaker.probed(probe, ok=False, now=self._clock.monotonic())
            self._failed(subject, str(error))
        else:
            subject.breaker.probed(probe, ok=True, now=self._clock.monotonic())
            self._worked(subject, toolset)
        self.wake()

    async def _list(self, subject: _OfProvider | _OfUser) -> Toolset:
        if isinstance(subject, _OfUser):
            return await self._listing.tools(subject.binding, subject.service)
        provider = subject.provider
        representative = self._registry.representative(provider)
        if representative is None:
            raise NoVerdictError("nobody uses the app any more")
        provider.announcement.looking()
        provider.probed_at = self._clock.monotonic()
        try:
            return await self._listing.tools(*representative)
        except ProbeFailedError:
            provider.ask_another(representative[0].name)
            raise

    def _failed(self, subject: _OfProvider | _OfUser, cause: str, fault: Fault = "Outage") -> None:
        if isinstance(subject, _OfProvider):
            provider = subject.provider
            log.warning("probe_failed", app=provider.app, cause=cause, breaker_open=provider.breaker.open)
            provider.did_not_answer(cause, fault)
        elif self._registry.serves(subject.binding, subject.service):
            place = (subject.binding.name, subject.service.name)
            is_project = fault == "ProjectRefused"
            verdict = Verdict.PROJECT_CREDENTIAL_INVALID if is_project else Verdict.UPSTREAM_UNAVAILABLE
            self._evidence.trouble(*place, verdict, cause, self._clock.wall())
            self._evidence.service_breaker(*place, "Open" if subject.breaker.open else "Closed")

    def _worked(self, subject: _OfProvider | _OfUser, toolset: Toolset) -> None:
        if isinstance(subject, _OfProvider):
            self._provider_worked(subject.provider, toolset)
            return
        binding, service, breaker = subject.binding, subject.service, subject.breaker
        if not breaker.open:
            self._mended(binding.name, service.name)
        if breaker.failures == 0:
            self._registry.user_breakers.pop((binding.name, service.name), None)

    def _provider_worked(self, provider: Provider, toolset: Toolset) -> None:
        was_available, known = provider.available, provider.toolset
        provider.listed(toolset)
        if provider.announcement.seen() or provider.toolset is not known:
            self._registry.changes.tell(provider.users.values())
        self.on_listed(provider)
        if was_available is False and provider.available:
            log.info("provider_available", app=provider.app, tools=len(toolset.tools))
            self._forgive(provider)
        else:
            self._tell_of_users(provider)

    def _tell_of_users(self, provider: Provider) -> None:
        """The provider is well, so whoever's calls are refused all the same is in trouble of his own."""
        for binding, service, breaker in self._registry.in_trouble_with(provider):
            if breaker.open and provider.available:
                place, cause = (binding.name, service.name), "calls failed while the service answered others"
                self._evidence.trouble(*place, Verdict.UPSTREAM_UNAVAILABLE, cause, self._clock.wall())
                self._evidence.service_breaker(*place, "Open")

    def _forgive(self, provider: Provider) -> None:
        """The provider is back: what its users met was its trouble, and one outage needs no probe of each."""
        for binding, service, _ in self._registry.in_trouble_with(provider):
            del self._registry.user_breakers[binding.name, service.name]
        for met in self._evidence.exceptions():
            user = provider.users.get(met.binding)
            used = user.service(met.service) if user else None
            if used and used.app == provider.app:
                self._mended(met.binding, met.service)

    def _mended(self, binding: str, service: str) -> None:
        met = self._evidence.exception(binding, service)
        if met and met.verdict in _OF_THE_SERVICE:
            self._evidence.settled(binding, service)


_OF_THE_SERVICE = (Verdict.UPSTREAM_UNAVAILABLE, Verdict.PROJECT_CREDENTIAL_INVALID)
"""What the service's answers to probes take back: unlike account and quota trouble."""
