"""Runtimes: whether one is ready, what it serves, and what in a new report is news to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipewise_crds import (
    REPORT_STALE_AFTER,
    AgentMCPBinding,
    ExceptionReport,
    MCPRuntime,
    ProjectReport,
    ProviderReport,
    RuntimeStatus,
)

from .evidence import RuntimeEvidence

_IDLE: Mapping[str, object] = {"report_time": None, "synced_through": "0", "bindings": 0, "sessions": 0}


@dataclass(frozen=True, slots=True)
class Registration:
    """A runtime's own object with what its metadata says about its Pod."""

    runtime: MCPRuntime
    pod: str | None = None
    """Name of the owning Pod, in the same namespace."""

    @property
    def synced_through(self) -> int:
        """The resourceVersion up to which bindings were taken up; 0 when it cannot be read."""
        text = self.runtime.status.synced_through
        return int(text) if text.isdigit() else 0


def is_ready(registration: Registration, *, pod_ready: bool, now: datetime) -> bool:
    """A runtime with a Pod is as ready as the Pod; one without is ready while its report is young."""
    if registration.runtime.metadata.deletion_timestamp is not None:
        return False
    reported = registration.runtime.status.report_time
    if reported is None:
        return False
    return pod_ready if registration.pod else now < reported + REPORT_STALE_AFTER


def serves(registration: Registration, binding: AgentMCPBinding) -> bool:
    """Whether bindings like this one run in this runtime."""
    status, spec = registration.runtime.status, binding.spec
    if status.placement != spec.placement or (status.agents and spec.agent not in status.agents):
        return False
    return status.shard is None or status.shard == binding.status.shard


def seen_from(
    registration: Registration, binding: AgentMCPBinding, *, ready: bool, taken_up_after: int
) -> RuntimeEvidence:
    """What a runtime says that concerns one binding."""
    status, spec = registration.runtime.status, binding.spec
    return RuntimeEvidence(
        name=registration.runtime.metadata.name,
        ready=ready,
        taken_up=registration.synced_through >= taken_up_after,
        endpoint=status.endpoint,
        providers={report.app: report for report in status.providers if report.project == spec.project_ref},
        exceptions={e.service: e for e in status.exceptions if e.binding == binding.metadata.name},
    )


@dataclass(frozen=True, slots=True)
class News:
    """What a new report changes: everything the runtime serves, or single bindings."""

    everything: bool = False
    bindings: frozenset[str] = frozenset()
    shares: bool = False
    """Its demand changed: the quota is to be divided anew, and nothing else."""


def news(before: RuntimeStatus | None, after: RuntimeStatus) -> News:
    """Compare two reports; a report that only says "still alive" concerns nobody."""
    if before is None:
        return News(everything=True)
    plain: dict[str, object] = {**_IDLE, "exceptions": []}
    told = {"projects": _without_demand(after)}
    if before.model_copy(update=plain | {"projects": _without_demand(before)}) != after.model_copy(
        update=plain | told
    ):
        return News(everything=True)
    old, new = _by_pair(before), _by_pair(after)
    changed = {pair[0] for pair in old.keys() | new.keys() if old.get(pair) != new.get(pair)}
    return News(bindings=frozenset(changed), shares=before.projects != after.projects)


def _without_demand(status: RuntimeStatus) -> list[ProjectReport]:
    """The reports that say more than how many runs are wanted, used and kept to."""
    demand: dict[str, object] = {"runs_wanted": 0, "runs_used": 0, "runs_allowed": None}
    plain = (report.model_copy(update=demand) for report in status.projects)
    return [report for report in plain if report != ProjectReport(project=report.project)]


def _by_pair(status: RuntimeStatus) -> dict[tuple[str, str], ExceptionReport]:
    return {(report.binding, report.service): report for report in status.exceptions}


def provider_states(registrations: list[Registration]) -> dict[tuple[str, str], ProviderReport]:
    """How each (project, app) fares over these runtimes: the worst report, of an outage before a refusal."""
    order = {"Unavailable": 0, "Available": 1, "Unknown": 2}

    def rank(report: ProviderReport) -> tuple[int, bool]:
        return order[report.state], report.fault != "Outage"

    states: dict[tuple[str, str], ProviderReport] = {}
    for registration in registrations:
        for report in registration.runtime.status.providers:
            known = states.get((report.project, report.app))
            if known is None or rank(report) < rank(known):
                states[report.project, report.app] = report
    return states
