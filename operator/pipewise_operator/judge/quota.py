"""A project's quota as its runtimes report it: what Pipedream refuses, and what they have used up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pipewise_crds import MCPRuntime, PipedreamProject, timestamp
from pipewise_operator.desired.shares import FLOOR


@dataclass(frozen=True, slots=True)
class QuotaSeen:
    """Until when a project's runs are used up; all None while runs are left."""

    refused_until: datetime | None = None
    """By Pipedream's own word: no call of the project runs."""
    retry_at: datetime | None = None
    """The moment that Pipedream named itself: all runtimes wait for it, whoever of them was told."""
    shares_used_until: datetime | None = None
    """By our own counting: the runtimes' shares are used up, but for what idle ones keep."""

    @property
    def until(self) -> datetime | None:
        """When to look again."""
        ends = (self.refused_until, self.retry_at, self.shares_used_until)
        return min((end for end in ends if end is not None), default=None)

    @property
    def message(self) -> str:
        """Why no runs are left, for people; empty while there are."""
        if self.refused_until is not None:
            return f"tool runs are used up until {timestamp(self.refused_until)}"
        if self.shares_used_until is not None:
            return (
                "the runtimes have used up their shares of spec.limits and refuse calls; wait, calm the "
                "agent that uses most, or have the limit raised at Pipedream and then here"
            )
        return ""


def quota_seen(
    project: PipedreamProject, runtimes: Iterable[MCPRuntime], ready: Iterable[MCPRuntime], now: datetime
) -> QuotaSeen:
    """What holds now by all runtimes' reports on Pipedream's word, and by the ready ones' on their shares."""
    name, limit = project.metadata.name, project.spec.limits.tool_runs
    reports = [report for runtime in runtimes for report in runtime.status.projects if report.project == name]
    used = [
        (report.runs_allowed or 0, report.share_used_until)
        for runtime in ready
        for report in runtime.status.projects
        if report.project == name and report.share_used_until is not None and report.share_used_until > now
    ]
    is_all = used and sum(runs for runs, _ in used) >= limit - limit // FLOOR
    return QuotaSeen(
        refused_until=_latest((report.quota_exhausted_until for report in reports), now),
        retry_at=_latest((report.quota_retry_at for report in reports), now),
        shares_used_until=min(end for _, end in used) if is_all else None,
    )


def _latest(moments: Iterable[datetime | None], now: datetime) -> datetime | None:
    return max((moment for moment in moments if moment is not None and moment > now), default=None)
