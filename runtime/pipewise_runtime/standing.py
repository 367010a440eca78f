"""How our projects stand at Pipedream: whether their token is taken and their quota lasts.

Calls and probes tell it what they met; the report and the metrics follow from it.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from .clock import Clock
from .core.evidence import Evidence
from .core.quota import Quota
from .core.retry import Happened, Throttled, TokenRejected
from .metrics import Metrics
from .ports import Token

THROTTLED_SECONDS = 30.0
"""How long a 429 without Retry-After is taken to hold."""


@dataclass(slots=True)
class Standing:
    """Token and quota of every project in use."""

    clock: Clock
    evidence: Evidence
    metrics: Metrics
    _quotas: dict[str, Quota] = field(default_factory=dict)

    def quota(self, project: str) -> Quota:
        """This runtime's part of a project's quota."""
        return self._quotas.setdefault(project, Quota())

    def forget(self, project: str) -> None:
        """The project is not served any more."""
        self._quotas.pop(project, None)
        self.evidence.project_gone(project)

    def noticed(self, project: str, happened: Happened, token: Token | None) -> None:
        """A try met something; only what concerns the project as a whole is taken note of."""
        match happened:
            case TokenRejected() if token:
                self.metrics.token_rejections.labels(project).inc()
                self.evidence.token_rejected(project, token.expires_at)
            case Throttled(retry_after_seconds=wished):
                self._throttled(project, THROTTLED_SECONDS if wished is None else wished)

    def over_quota(self, project: str) -> float:
        """Seconds until a run fits, where none fits now; else the run is counted and it is 0."""
        now = self.clock.monotonic()
        quota = self.quota(project)
        wait = quota.wait(now)
        if wait:
            self.metrics.quota_rejections.labels(project).inc()
        else:
            quota.ran(now)
        return wait

    def answered(self, project: str, token: Token) -> None:
        """A call was answered: the token is good and the quota lasts."""
        self.evidence.token_accepted(project, token.expires_at)
        self.evidence.quota_available(project)
        self.metrics.quota_exhausted.labels(project).set(0)

    def _throttled(self, project: str, seconds: float) -> None:
        self.metrics.quota_rejections.labels(project).inc()
        self.metrics.quota_exhausted.labels(project).set(1)
        self.quota(project).throttled(self.clock.monotonic() + seconds)
        self.evidence.quota_exhausted(project, self.clock.wall() + timedelta(seconds=seconds))
