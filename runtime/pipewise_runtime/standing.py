"""How our projects stand at Pipedream: whether their token is taken and their quota lasts.

Calls and probes tell it what they met; the report and the metrics follow from it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import Clock
from .core.evidence import Evidence
from .core.quota import Quota, end_told
from .core.reporting import coarse_demand
from .core.retry import Happened, Throttled, TokenRejected
from .metrics import Metrics
from .ports import Token


@dataclass(slots=True)
class Standing:
    """Token and quota of every project in use; late answers of others are not taken note of."""

    clock: Clock
    evidence: Evidence
    metrics: Metrics
    _quotas: dict[str, Quota] = field(default_factory=dict)
    _well: dict[str, Token] = field(default_factory=dict)
    """With which token a project's runs are answered, where nothing else was met since."""

    def __post_init__(self) -> None:
        """Have what changes by time alone looked at whenever it is reported."""
        self.evidence.on_ask = self._look_again

    def quota(self, project: str) -> Quota:
        """This runtime's part of a project's quota."""
        known = self._quotas.get(project)
        if known is None:
            quota = known = self._quotas[project] = Quota()
            self.metrics.know_project(project, lambda: quota.exhausted(self.clock.monotonic()))
        return known

    def share(self, project: str, runs: int, window_seconds: float) -> None:
        """Keep to this part of a project's quota from now on."""
        quota = self.quota(project)
        quota.share(runs, window_seconds)
        self.evidence.runs_allowed(project, runs)
        if not quota.is_used_up(self.clock.monotonic()):
            self.evidence.share_used(project, None)

    def ran_before(self, project: str, runs: int, until: datetime) -> None:
        """Count so many runs of an earlier process, the last of them by then."""
        seconds_ago = (self.clock.wall() - until).total_seconds()
        self.quota(project).recall(self.clock.monotonic() - seconds_ago, runs)

    def hold_off(self, project: str, until: datetime) -> None:
        """Pipedream named this moment to some runtime of the project: no run is tried before it."""
        seconds = (until - self.clock.wall()).total_seconds()
        if seconds > 0:
            self.quota(project).throttled(self.clock.monotonic(), seconds)

    def forget(self, project: str) -> None:
        """The project is not served any more."""
        self._well.pop(project, None)
        if self._quotas.pop(project, None):
            self.metrics.forget_project(project)
        self.evidence.project_gone(project)

    def noticed(self, project: str, happened: Happened, token: Token | None) -> None:
        """A try met something; only what concerns the project as a whole is taken note of."""
        if project not in self._quotas:
            return
        self._well.pop(project, None)
        match happened:
            case TokenRejected() if token:
                self.metrics.token_rejections.labels(project).inc()
                self.evidence.token_rejected(project, token.expires_at)
            case Throttled(retry_after_seconds=wished):
                self.metrics.quota_rejections.labels(project).inc()
                lasts = self._quotas[project].throttled(self.clock.monotonic(), wished)
                until = self.clock.wall() + timedelta(seconds=lasts)
                self.evidence.quota_exhausted(project, until, until if wished is not None else None)

    def over_quota(self, project: str, user: str) -> float:
        """Seconds until a run of a user fits, where none fits now; else the run is counted and it is 0.

        Args:
            project: whose runs they are.
            user: the name of the binding: all users get their fair part of the runs.
        """
        quota = self._quotas.get(project)
        if quota is None:
            return 0.0
        now = self.clock.monotonic()
        wait = quota.wait(now, user)
        if wait:
            self.metrics.quota_rejections.labels(project).inc()
            quota.refused(now, user)
        else:
            quota.ran(now, user)
        if quota.has_grown:
            self._tell_demand(project, quota)
        return wait

    def refused(self, project: str, wait_seconds: float) -> datetime | None:
        """A call was given up because no run fits: until when that is told as its own trouble.

        None where it is the whole project's: Pipedream itself refuses its runs.
        """
        quota, now = self._quotas.get(project), self.clock.monotonic()
        if quota is None or quota.exhausted(now):
            return None
        until = end_told(self.clock.wall(), wait_seconds)
        if quota.is_used_up(now):
            self.evidence.share_used(project, until)
        return until

    def is_short(self, project: str) -> bool:
        """Whether more runs of a project are wanted here than there are: the next call may be refused."""
        quota = self._quotas.get(project)
        return quota is not None and quota.is_short(self.clock.monotonic())

    def accepted(self, project: str, token: Token) -> None:
        """Pipedream took the token."""
        if project in self._quotas:
            self.evidence.token_accepted(project, token.expires_at)

    def answered(self, project: str, token: Token) -> None:
        """A run was answered: the token is good, and the quota lasts if no 429 came meanwhile."""
        quota = self._quotas.get(project)
        if quota is None or self._well.get(project) is token:
            return
        self.evidence.token_accepted(project, token.expires_at)
        if quota.answered(self.clock.monotonic()):
            self.evidence.quota_available(project)
            self._well[project] = token

    def _look_again(self) -> None:
        self.evidence.forget_ended(self.clock.wall())
        for project, quota in self._quotas.items():
            self._tell_demand(project, quota)
            used = quota.used(self.clock.monotonic())
            if used != quota.told_used:
                quota.told_used = used
                self.evidence.runs_used(project, used)

    def _tell_demand(self, project: str, quota: Quota) -> None:
        demand = coarse_demand(quota.told_demand, quota.wanted(self.clock.monotonic()))
        if demand != quota.told_demand:
            quota.told_demand = demand
            self.evidence.runs_wanted(project, demand)
