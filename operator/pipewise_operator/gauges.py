"""Gauges read off the observed state when Prometheus asks, so that they can never disagree with it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipewise_crds import PRECEDENCE, AgentMCPBinding, Condition, ConditionType, Fault, Reason, Verdict

from .gathering import quota_of
from .judge.runtimes import provider_states
from .keys import Key
from .records import ProjectRecord
from .sharing import runs_used
from .world import World

_GOOD = {ConditionType.READY: Reason.READY, ConditionType.CREDENTIALS_VALID: Reason.VALID}
_BLOCKED = (
    Reason.PAUSED,
    Reason.CONFLICT,
    Reason.INVALID_SPEC,
    Reason.PROFILE_NOT_FOUND,
    Reason.PROJECT_NOT_FOUND,
    Reason.DEMO,
)
_FAULTS = tuple(verdict for verdict in PRECEDENCE if verdict is not Verdict.UNKNOWN)
_FAULTS_OF: dict[ConditionType, tuple[str, ...]] = {
    ConditionType.READY: (*_FAULTS, *_BLOCKED),
    ConditionType.CREDENTIALS_VALID: (Verdict.PROJECT_CREDENTIAL_INVALID, Verdict.CREDENTIAL_INVALID),
    ConditionType.UPSTREAMS_AVAILABLE: (Verdict.UPSTREAM_UNAVAILABLE,),
    ConditionType.QUOTA_AVAILABLE: (Verdict.QUOTA_EXHAUSTED,),
    ConditionType.RUNTIME_AVAILABLE: (Verdict.RUNTIME_UNAVAILABLE,),
}


class WorldCollector(Collector):
    """Turns the world into metric families; every label set that may turn 1 is there at 0 before.

    A replica that does not lead says so and nothing else: what it sees, the leader tells.
    """

    def __init__(self, world: World, leads: Callable[[], bool]) -> None:
        self._world, self._leads = world, leads

    def collect(self) -> Iterable[Metric]:
        """All gauges."""
        leads = self._leads()
        yield GaugeMetricFamily("pipewise_leader", "1 while this replica leads.", value=float(leads))
        if not leads:
            return
        namespaces = sorted({key.namespace for key in [*self._world.bindings, *self._world.projects]})
        yield from self._bindings(namespaces)
        yield from self._runtimes(namespaces)
        yield from self._projects()

    def _bindings(self, namespaces: list[str]) -> Iterator[Metric]:
        conditions = GaugeMetricFamily(
            "pipewise_binding_condition",
            "Bindings by what their conditions say.",
            labels=["namespace", "condition", "status", "reason"],
        )
        total = GaugeMetricFamily("pipewise_bindings", "Bindings.", labels=["namespace"])
        found = Counter(
            (key.namespace, condition.type, condition.status, condition.reason)
            for key, record in self._world.bindings.items()
            for condition in _counted(record.binding)
        )
        sizes = Counter(key.namespace for key in self._world.bindings)
        for namespace in namespaces:
            total.add_metric([namespace], sizes[namespace])
            for kind, faults in _FAULTS_OF.items():
                found[namespace, kind, "True", _GOOD.get(kind, Reason.AVAILABLE)] += 0
                found[namespace, kind, "Unknown", Verdict.UNKNOWN] += 0
                for fault in faults:
                    found[namespace, kind, "False", fault] += 0
        for labels, count in found.items():
            conditions.add_metric([str(label) for label in labels], count)
        yield from (conditions, total)

    def _runtimes(self, namespaces: list[str]) -> Iterator[Metric]:
        runtimes = GaugeMetricFamily(
            "pipewise_runtimes", "Runtimes by readiness.", labels=["namespace", "state"]
        )
        labels = ["namespace", "app"]
        down = GaugeMetricFamily(
            "pipewise_provider_unavailable", "1 while an app does not answer.", labels=labels
        )
        refuses = GaugeMetricFamily(
            "pipewise_provider_refuses", "1 while an app refuses what is asked.", labels=labels
        )
        for namespace in namespaces:
            records = self._world.runtimes_in(namespace)
            ready = [record.registration for record in records if record.ready]
            runtimes.add_metric([namespace, "ready"], len(ready))
            runtimes.add_metric([namespace, "unready"], len(records) - len(ready))
            faults: dict[str, set[Fault]] = {}
            for (_, app), report in sorted(provider_states(ready).items()):
                faults.setdefault(app, set())
                if report.state == "Unavailable":
                    faults[app].add(report.fault)
            for app, met in faults.items():
                down.add_metric([namespace, app], "Outage" in met)
                refuses.add_metric([namespace, app], "Refused" in met)
        yield from (runtimes, down, refuses)

    def _projects(self) -> Iterator[Metric]:
        labels = ["namespace", "project"]
        accounts = GaugeMetricFamily("pipewise_accounts", "Accounts by state.", labels=[*labels, "state"])
        quota = GaugeMetricFamily(
            "pipewise_project_quota_exhausted", "1 while no runs are left.", labels=labels
        )
        limit = GaugeMetricFamily(
            "pipewise_project_runs_limit", "Tool runs allowed in one window.", labels=labels
        )
        used = GaugeMetricFamily(
            "pipewise_project_runs_used", "Tool runs in the window, by the last reports.", labels=labels
        )
        token = GaugeMetricFamily(
            "pipewise_token_expires_timestamp_seconds", "When the developer token expires.", labels=labels
        )
        for key, record in sorted(self._world.projects.items()):
            for state, count in self._accounts(key, record).items():
                accounts.add_metric([*key, state], count)
            quota.add_metric([*key], quota_of(self._world, key, record.project).until is not None)
            limit.add_metric([*key], record.project.spec.limits.tool_runs)
            used.add_metric([*key], runs_used(self._world, key, record.project))
            if record.facts.token_expires_at is not None:
                token.add_metric([*key], record.facts.token_expires_at.timestamp())
        yield from (accounts, quota, limit, used, token)

    def _accounts(self, key: Key, record: ProjectRecord) -> dict[str, int]:
        listed = record.facts.accounts
        missing = sum(
            service.account.state == "Missing"
            for binding in self._world.of_project[key]
            for service in self._world.bindings[binding].binding.status.services
        )
        healthy, unhealthy, dead = (listed.healthy, listed.unhealthy, listed.dead) if listed else (0, 0, 0)
        return {"healthy": healthy, "unhealthy": unhealthy, "dead": dead, "missing": missing}


def _counted(binding: AgentMCPBinding) -> list[Condition]:
    """The conditions that are true of a binding now: while it is paused, that is Ready alone."""
    conditions = binding.status.conditions
    if not binding.spec.paused:
        return conditions
    return [condition for condition in conditions if condition.type == ConditionType.READY]
