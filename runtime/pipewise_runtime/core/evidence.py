"""What the runtime has seen of projects, providers and bindings: the memory behind its report.

Written by the call path and the probes, read by `report`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pipewise_crds import ExceptionReport, Fault, ProjectReport, ProviderReport, Verdict

BreakerState = Literal["Closed", "Open"]


@dataclass(frozen=True, slots=True)
class ProviderSeen:
    """One look at a provider: what a probe or a live call showed."""

    available: bool | None
    """None where nothing is known yet."""
    breaker: BreakerState = "Closed"
    message: str = ""
    tools: int | None = None
    fault: Fault = "Outage"
    """What it met where it is not available."""


MOST_MESSAGE = 1024
"""Characters of a message that the contract has room for; causes may come from an upstream's hands."""


@dataclass(slots=True)
class Evidence:
    """Everything worth reporting; it grows with trouble, not with users."""

    on_change: Callable[[bool], None] | None = None
    """Called on each change worth reporting; True when it must not wait."""
    on_ask: Callable[[], None] | None = None
    """Called before the projects are told: to bring up to date what time alone changes."""
    _projects: dict[str, ProjectReport] = field(default_factory=dict)
    _providers: dict[tuple[str, str], ProviderReport] = field(default_factory=dict)
    _exceptions: dict[tuple[str, str], ExceptionReport] = field(default_factory=dict)
    _refused: dict[str, datetime] = field(default_factory=dict)
    """When the token expires that was refused last, by project, until another one is accepted."""

    def projects(self) -> list[ProjectReport]:
        """Token and quota of each project."""
        if self.on_ask:
            self.on_ask()
        return [self._projects[name] for name in sorted(self._projects)]

    def providers(self) -> list[ProviderReport]:
        """The state of each app in use."""
        return [self._providers[key] for key in sorted(self._providers)]

    def exceptions(self) -> list[ExceptionReport]:
        """The services of bindings that are not well although their app may be."""
        return [self._exceptions[key] for key in sorted(self._exceptions)]

    def exception(self, binding: str, service: str) -> ExceptionReport | None:
        """What is wrong with one service of a binding, if anything is."""
        return self._exceptions.get((binding, service))

    def token_accepted(self, project: str, expires_at: datetime) -> None:
        """Pipedream took the token that expires then."""
        self._note_token(project, "Accepted", expires_at)

    def token_rejected(self, project: str, expires_at: datetime) -> None:
        """Pipedream refused the token that expires then: a new one is wanted without delay."""
        self._note_token(project, "Rejected", expires_at)

    def quota_exhausted(self, project: str, until: datetime, retry_at: datetime | None = None) -> None:
        """Pipedream refuses runs of the project until then; `retry_at`: where it named a moment itself."""
        seen = self._project(project)
        told = {
            "quota_exhausted_until": _later(seen.quota_exhausted_until, until),
            "quota_retry_at": _later(seen.quota_retry_at, retry_at),
        }
        now_seen = seen.model_copy(update=told)
        if now_seen != seen:
            self._projects[project] = now_seen
            self._changed()

    def quota_available(self, project: str) -> None:
        """Pipedream runs the project's tools again."""
        seen = self._project(project)
        if seen.quota_exhausted_until is not None:
            told = {"quota_exhausted_until": None, "quota_retry_at": None}
            self._projects[project] = seen.model_copy(update=told)
            self._changed()

    def share_used(self, project: str, until: datetime | None) -> None:
        """Calls are refused until then because this runtime's own share is used up; None: no more."""
        seen = self._project(project)
        if seen.share_used_until != until:
            self._projects[project] = seen.model_copy(update={"share_used_until": until})
            self._changed()

    def forget_ended(self, now: datetime) -> None:
        """Forget what time alone has ended."""
        for name, seen in list(self._projects.items()):
            if seen.share_used_until and seen.share_used_until <= now:
                self.share_used(name, None)
        for (binding, service), report in list(self._exceptions.items()):
            if not report.holds(now):
                self.settled(binding, service)

    def runs_allowed(self, project: str, runs: int) -> None:
        """The runtime keeps to so many runs of the project in one window from now on."""
        seen = self._project(project)
        if seen.runs_allowed != runs:
            self._projects[project] = seen.model_copy(update={"runs_allowed": runs})
            self._changed()

    def runs_used(self, project: str, runs: int) -> None:
        """So many runs of the project are in the present window: goes out with the next report."""
        self._projects[project] = self._project(project).model_copy(update={"runs_used": runs})

    def runs_wanted(self, project: str, runs: int) -> None:
        """So many runs of the project are wanted here."""
        self._projects[project] = self._project(project).model_copy(update={"runs_wanted": runs})
        self._changed()

    def provider(self, project: str, app: str, seen: ProviderSeen, now: datetime) -> None:
        """Take note of how an app fares."""
        state = "Unknown" if seen.available is None else "Available" if seen.available else "Unavailable"
        known = self._providers.get((project, app))
        since = known.since if known and known.state == state else now
        tools = seen.tools if seen.tools is not None else known.tools if known else None
        report = ProviderReport(
            project=project, app=app, state=state, breaker=seen.breaker, fault=seen.fault,
            since=since, message=seen.message[:MOST_MESSAGE], tools=tools,
        )  # fmt: skip
        if report != known:
            self._providers[project, app] = report
            self._changed()

    def provider_gone(self, project: str, app: str) -> None:
        """No binding uses the app any more."""
        if self._providers.pop((project, app), None):
            self._changed()

    def project_gone(self, project: str) -> None:
        """The project is not served any more."""
        self._refused.pop(project, None)
        if self._projects.pop(project, None):
            self._changed()

    def trouble(self, binding: str, service: str, verdict: Verdict, message: str, now: datetime) -> None:
        """A call of this binding failed in a way that may be its own."""
        self._met(
            ExceptionReport(
                binding=binding, service=service, verdict=verdict, message=message[:MOST_MESSAGE],
                since=now, last_seen=now,
            )
        )  # fmt: skip

    def refused(self, binding: str, service: str, message: str, now: datetime, until: datetime) -> None:
        """A call of this binding found no run left; by then time alone will have ended that."""
        self._met(
            ExceptionReport(
                binding=binding, service=service, verdict=Verdict.QUOTA_EXHAUSTED, message=message,
                since=now, last_seen=now, until=until,
            )
        )  # fmt: skip

    def service_breaker(self, binding: str, service: str, breaker: BreakerState) -> None:
        """The breaker of one user's service opened or closed."""
        known = self._exceptions.get((binding, service))
        if known and known.breaker != breaker:
            self._exceptions[binding, service] = known.model_copy(update={"breaker": breaker})
            self._changed()

    def settled(self, binding: str, service: str) -> None:
        """A call of this binding and service succeeded, or its account was mended."""
        if self._exceptions.pop((binding, service), None):
            self._changed()

    def binding_gone(self, binding: str) -> None:
        """The binding is not served any more."""
        gone = [key for key in self._exceptions if key[0] == binding]
        for key in gone:
            del self._exceptions[key]
        if gone:
            self._changed()

    def _met(self, report: ExceptionReport) -> None:
        known = self._exceptions.get((report.binding, report.service))
        is_same = known is not None and known.verdict == report.verdict
        if known:
            since = known.since if is_same else report.since
            report = report.model_copy(update={"since": since, "breaker": known.breaker})
        self._exceptions[report.binding, report.service] = report
        if known is None or not is_same or known.until != report.until:
            self._changed()

    def _project(self, project: str) -> ProjectReport:
        return self._projects.get(project) or ProjectReport(project=project)

    def _note_token(self, project: str, state: Literal["Accepted", "Rejected"], expires_at: datetime) -> None:
        seen = self._project(project)
        if (seen.token, seen.token_expires_at) != (state, expires_at):
            self._projects[project] = seen.model_copy(update={"token": state, "token_expires_at": expires_at})
            refused = self._refused.get(project)
            if state == "Rejected":
                self._refused[project] = expires_at
            elif expires_at != refused:
                self._refused.pop(project, None)
            # a token renewed and accepted is the normal course, and goes out with the next report; unless one
            # was refused before: then the operator waits for the word that another one is taken
            if state == "Rejected" or refused is not None:
                self._changed(urgent=state == "Rejected")

    def _changed(self, *, urgent: bool = False) -> None:
        if self.on_change:
            self.on_change(urgent)


def _later(known: datetime | None, told: datetime | None) -> datetime | None:
    return max((moment for moment in (known, told) if moment is not None), default=None)
