"""Everything a judgement may look at, as one frozen value; the gatherer outside makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from pipewise_crds import AgentMCPBinding, ExceptionReport, ProviderReport, Service, Verdict

from .accounts import UNKNOWN, AccountEvidence


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found of one service; Healthy findings need no message."""

    verdict: Verdict
    message: str = ""


HEALTHY = Finding(Verdict.HEALTHY)

SETTLING = timedelta(seconds=3)
"""A new generation has this long to be taken up, and its accounts to be asked for, before it is judged."""

TAKE_UP_LIMIT = timedelta(seconds=90)
"""A runtime that has not taken a generation up by then (it reports every 60 s) does not serve it."""


@dataclass(frozen=True, slots=True)
class RuntimeEvidence:
    """One runtime that serves the binding's agent, seen from this binding."""

    name: str
    ready: bool
    taken_up: bool
    """Whether it works by the binding's present generation."""
    endpoint: str = ""
    providers: Mapping[str, ProviderReport] = field(default_factory=dict)
    """By app, of the binding's project."""
    exceptions: Mapping[str, ExceptionReport] = field(default_factory=dict)
    """By service, of this binding."""

    @property
    def serves(self) -> bool:
        """Whether a call through it is answered by the binding's present spec."""
        return self.ready and self.taken_up


@dataclass(frozen=True, slots=True)
class ProjectEvidence:
    """The binding's project: whether a valid token is there, and the quota."""

    name: str
    token: Finding
    quota_exhausted_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a binding cannot be judged by its services at all (a reason beside the verdicts)."""

    reason: str
    message: str


@dataclass(frozen=True)
class Evidence:
    """All that is known of a binding at one moment."""

    binding: AgentMCPBinding
    now: datetime
    services: tuple[Service, ...] = ()
    project: ProjectEvidence | None = None
    accounts: Mapping[str, AccountEvidence] = field(default_factory=dict)
    """By service."""
    runtimes: tuple[RuntimeEvidence, ...] = ()
    blocked: Blocked | None = None
    generation_seen_at: datetime | None = None
    """When the binding's present generation was first seen by this operator."""

    @cached_property
    def serving(self) -> tuple[RuntimeEvidence, ...]:
        """The runtimes through which calls are answered now."""
        return tuple(runtime for runtime in self.runtimes if runtime.serves)

    @property
    def next_end(self) -> datetime | None:
        """When the first of the troubles met by calls ends by time alone."""
        reports = (report for runtime in self.serving for report in runtime.exceptions.values())
        ends = (report.until for report in reports if report.holds(self.now))
        return min((end for end in ends if end is not None), default=None)

    def account(self, service: Service) -> AccountEvidence:
        """The user's account for a service; Unknown while only a listing older than the binding lacks it.

        The user may have connected since, and where none is said to be, results are made up.
        """
        account = self.accounts.get(service.name, UNKNOWN)
        told = (each.account.state for each in self.binding.status.services if each.name == service.name)
        if account.status.state == "Missing" and self._is_outdated(account) and "Missing" not in told:
            return UNKNOWN
        return account

    @property
    def waited(self) -> timedelta:
        """How long the present generation has been known."""
        return self.now - (self.generation_seen_at or self.now)

    @property
    def awaits_accounts(self) -> bool:
        """Whether an account that is not well was last asked for before the generation was known."""
        return any(self._is_outdated(account) for account in self.accounts.values())

    @property
    def is_settling(self) -> bool:
        """What is missing is about to come: a judgement now would be wrong in a moment, and written twice.

        Either a ready runtime is taking the generation up, or an account is being asked for again.
        """
        if self.blocked or self.waited >= SETTLING:
            return False
        taking_up = any(runtime.ready for runtime in self.runtimes) and not self.serving
        return taking_up or self.awaits_accounts

    def _is_outdated(self, account: AccountEvidence) -> bool:
        seen, checked = self.generation_seen_at, account.checked_at
        return account.is_unwell and seen is not None and checked is not None and checked < seen

    @property
    def demo(self) -> str:
        """The binding's demo setting."""
        return self.binding.spec.demo
