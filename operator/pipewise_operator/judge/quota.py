"""A project's quota as its runtimes report it: what Pipedream refuses, and what they have used up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pipewise_crds import MCPRuntime, PipedreamProject, timestamp
from pipewise_operator.desired.shares import FLOOR


@dataclass(frozen=True, slots=True)
class QuotaSeen:
    """Until when a project's runs are used up; both None while runs are left."""

    refused_until: datetime | None = None
    """By Pipedream's own word: no call of the project runs."""
    shares_used_until: datetime | None = None
    """By our own counting: the runtimes' shares are used up, but for what idle ones keep."""

    @property
    def until(self) -> datetime | None:
        """When to look again."""
        ends = [end for end in (self.refused_until, self.shares_used_until) if end is not None]
        return min(ends, default=None)

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
    refused = [
        report.quota_exhausted_until
        for runtime in runtimes
        for report in runtime.status.projects
        if report.project == name
        and report.quota_exhausted_until is not None
        and report.quota_exhausted_until > now
    ]
    used = [(_share(name, runtime), end) for runtime in ready if (end := _used_until(name, runtime, now))]
    is_all = used and sum(runs for runs, _ in used) >= limit - limit // FLOOR
    return QuotaSeen(max(refused, default=None), min(end for _, end in used) if is_all else None)


def _used_until(project: str, runtime: MCPRuntime, now: datetime) -> datetime | None:
    ends = (report.share_used_until for report in runtime.status.projects if report.project == project)
    return next((end for end in ends if end is not None and end > now), None)


def _share(project: str, runtime: MCPRuntime) -> int:
    return sum(share.runs for share in runtime.spec.shares if share.project == project)
