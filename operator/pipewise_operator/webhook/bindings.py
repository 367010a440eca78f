"""What the schema of a binding cannot say: profiles and apps that do not exist, and settings with a risk.

Pure; whether another binding is there for the same agent and user is asked in `questions`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase

from pipewise_crds import BindingSpec, Service
from pipewise_crds.durations import text_of
from pipewise_crds.profiles import Profiles, services_of

_LONG = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the installation knows."""

    profiles: Profiles
    apps: frozenset[str] = frozenset()
    """Apps beside those of the profiles."""
    strict: bool = False
    """Whether an app that is not known is refused; otherwise it gets a warning."""

    @property
    def known_apps(self) -> frozenset[str]:
        """All apps that are known."""
        return self.apps | {service.app for services in self.profiles.values() for service in services}


def refusals(spec: BindingSpec, catalogue: Catalogue) -> tuple[str, ...]:
    """Why a binding could never work; each reason with the way out."""
    if services_of(spec, catalogue.profiles) is None:
        known = ", ".join(sorted(catalogue.profiles)) or "none"
        problem = (
            f'agent "{spec.agent}" has no profile{_meant(spec.agent, catalogue.profiles)}: '
            f"list its services in spec.services, or use an agent that has one ({known})"
        )
        return (problem,)
    return tuple(_unknown_apps(spec, catalogue)) if catalogue.strict else ()


def warnings(spec: BindingSpec, catalogue: Catalogue) -> tuple[str, ...]:
    """What may surprise the owner of a binding that is allowed."""
    found = [] if catalogue.strict else list(_unknown_apps(spec, catalogue))
    if spec.demo == "Always":
        found.append("demo: Always answers every call with made-up results: nothing real happens")
    if spec.resilience.max_retries == 0:
        found.append("resilience.maxRetries: 0 lets a call fail at the first lost connection")
    if spec.services and not any(service.required for service in spec.services):
        found.append("no service is required: Ready does not tell whether any of them works")
    for service in spec.services:
        found += _of_service(service, spec)
    return tuple(found)


def _of_service(service: Service, spec: BindingSpec) -> Iterator[str]:
    name, base = f'service "{service.name}"', spec.resilience.base_delay
    if service.timeout > _LONG:
        yield f"{name}: with timeout: {text_of(service.timeout)} an agent may wait that long for one answer"
    if spec.resilience.max_retries and base >= service.timeout:
        yield (
            f"{name}: timeout: {text_of(service.timeout)} leaves no time to retry after "
            f"resilience.baseDelay: {text_of(base)}"
        )
    if "*" in service.tools.deny:
        yield f"{name}: tools.deny: ['*'] hides all its tools"
    for pattern in service.tools.allow:
        if "*" not in service.tools.deny and any(fnmatchcase(pattern, deny) for deny in service.tools.deny):
            yield f'{name}: tools.allow: "{pattern}" is hidden again by tools.deny'


def _unknown_apps(spec: BindingSpec, catalogue: Catalogue) -> Iterator[str]:
    known = catalogue.known_apps
    for service in spec.services:
        if service.app not in known:
            way_out = (
                "use one that is allowed, or have it added to webhook.apps.known"
                if catalogue.strict
                else "check it is a slug at Pipedream"
            )
            yield (
                f'service "{service.name}": app "{service.app}" is not known here'
                f"{_meant(service.app, known)}: {way_out}"
            )


def _meant(word: str, known: Collection[str]) -> str:
    meant = get_close_matches(word, known, n=1)
    return f' (did you mean "{meant[0]}"?)' if meant else ""
