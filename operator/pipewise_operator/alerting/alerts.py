"""What is worth waking somebody for, and in which words: the input of the rules file.

One outage is one alert: each is taken over everything that the same person mends in one go. Gauges come
from the operator, which alone knows the whole (`max`, because a restarted operator's last words are held
beside its successor's); the one thing only runtimes know, calls of unknown outcome, is a counter born at 0,
so that `increase` sees the first one. An exporter that is gone says nothing, so OperatorDown and RuntimeDown
ask for absence too.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pipewise_crds import ConditionType, Verdict

from .pace import Pace, prometheus_duration

RUNBOOKS_URL = "https://github.com/pipewise/pipewise-mcp/blob/main/docs/runbooks"
"""Where the runbooks are published; the chart can point elsewhere."""


class Severity(StrEnum):
    """How soon somebody must look: critical pages, warning waits for working hours."""

    CRITICAL = "critical"
    WARNING = "warning"


class Mender(StrEnum):
    """Who can mend it; a label, so that Alertmanager can route by it."""

    PLATFORM = "platform"
    PROVIDER = "provider"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    Attributes:
        name: CamelCase; also the name of its runbook.
        expression: PromQL; each of its series is one alert.
        lasting: How long it must hold before the alert fires.
        severity: How soon somebody must look.
        mender: Who can mend it.
        summary: One line, without numbers, so that it does not change while it lasts.
        description: What it means for users, what mends it, and the command to begin with.
    """

    name: str
    expression: str
    lasting: timedelta
    severity: Severity
    mender: Mender
    summary: str
    description: str


def alerts(pace: Pace) -> tuple[Alert, ...]:
    """All alerts at a pace, the widest damage first."""
    return (
        _operator_down(pace),
        _runtime_down(pace),
        _upstream_unavailable(pace),
        _upstream_refuses(pace),
        _project_credential_invalid(pace),
        _user_credential_invalid(pace),
        _quota_exhausted(pace),
        _unknown_outcome(pace),
    )


def _held(selector: str, pace: Pace) -> str:
    """A gauge's value, held over a short absence of its exporter."""
    return f"last_over_time({selector}[{prometheus_duration(pace.bridge)}])"


def _failing(condition: ConditionType, reason: Verdict) -> str:
    """The number of bindings for which a condition is False for one reason."""
    return f'pipewise_binding_condition{{condition="{condition}",status="False",reason="{reason}"}}'


def _operator_down(pace: Pace) -> Alert:
    return Alert(
        name="OperatorDown",
        expression='absent(pipewise_build_info{program="pipewise-operator"})\nor\nmax(pipewise_leader) < 1',
        lasting=pace.down_for,
        severity=Severity.CRITICAL,
        mender=Mender.PLATFORM,
        summary="No PipeWise operator answers Prometheus, or none leads.",
        description=(
            "Calls go on, but no status is kept, no token is renewed (they last one hour) and the other "
            "alerts are blind. See: kubectl get pods -A -l "
            "app.kubernetes.io/name=pipewise-mcp,app.kubernetes.io/component=operator"
        ),
    )


def _runtime_down(pace: Pace) -> Alert:
    unserved = _held(_failing(ConditionType.RUNTIME_AVAILABLE, Verdict.RUNTIME_UNAVAILABLE), pace)
    ready = _held('pipewise_runtimes{state="ready"}', pace)
    return Alert(
        name="RuntimeDown",
        expression=(
            f"max by (namespace) ({unserved}) > 0\n"
            "or\n"
            f"max by (namespace) ({ready}) > 0 unless on () pipewise_runtime_bindings"
        ),
        lasting=pace.down_for,
        severity=Severity.CRITICAL,
        mender=Mender.PLATFORM,
        summary="Bindings in {{ $labels.namespace }} have no working runtime.",
        description=(
            "No ready runtime serves some bindings of namespace {{ $labels.namespace }}, or its runtimes "
            "count as ready but none answers Prometheus. Their agents cannot call any tool. See: kubectl "
            "-n {{ $labels.namespace }} get mcpruntimes,agentmcpbindings"
        ),
    )


def _upstream_unavailable(pace: Pace) -> Alert:
    return Alert(
        name="UpstreamUnavailable",
        expression=f"max by (app) ({_held('pipewise_provider_unavailable', pace)}) > 0",
        lasting=pace.outage_for,
        severity=Severity.CRITICAL,
        mender=Mender.PROVIDER,
        summary="{{ $labels.app }} does not answer properly, for all its users.",
        description=(
            "Calls and probes of {{ $labels.app }} fail; its breakers are open and agents are told so. The "
            "service or Pipedream mends it, and it clears by itself. See: kubectl get agentmcpbindings -A "
            "-o wide | grep UpstreamUnavailable"
        ),
    )


def _upstream_refuses(pace: Pace) -> Alert:
    return Alert(
        name="UpstreamUnavailable",
        expression=f"max by (app) ({_held('pipewise_provider_refuses', pace)}) > 0",
        lasting=pace.outage_for,
        severity=Severity.CRITICAL,
        mender=Mender.PLATFORM,
        summary="{{ $labels.app }} refuses what is asked of it, for all its users.",
        description=(
            "Pipedream answers for {{ $labels.app }} with a 4xx: waiting does not help. The app's name in a "
            "binding, or the project's MCP endpoint, is wrong or has changed. See: kubectl get "
            "agentmcpbindings -A -o wide | grep UpstreamUnavailable"
        ),
    )


def _project_credential_invalid(pace: Pace) -> Alert:
    failing = _held(_failing(ConditionType.CREDENTIALS_VALID, Verdict.PROJECT_CREDENTIAL_INVALID), pace)
    return Alert(
        name="CredentialInvalid",
        expression=f"max by (namespace, reason) ({failing}) > 0",
        lasting=pace.outage_for,
        severity=Severity.CRITICAL,
        mender=Mender.PLATFORM,
        summary="Pipedream refuses our own client or project in {{ $labels.namespace }}.",
        description=(
            "Users of the project cannot be served. The Secret that credentialsSecretRef names must hold a "
            "client secret that Pipedream takes, of a client with access to projectID and environment. See: "
            "kubectl -n {{ $labels.namespace }} get pipedreamprojects,agentmcpbindings"
        ),
    )


def _user_credential_invalid(pace: Pace) -> Alert:
    failing = _held(_failing(ConditionType.CREDENTIALS_VALID, Verdict.CREDENTIAL_INVALID), pace)
    return Alert(
        name="CredentialInvalid",
        expression=f"max by (namespace, reason) ({failing}) > 0",
        lasting=pace.credential_for,
        severity=Severity.WARNING,
        mender=Mender.USER,
        summary="Users in {{ $labels.namespace }} must connect their accounts anew.",
        description=(
            "{{ $value }} binding(s) have an account that is missing, dead or unhealthy. Only the user can "
            "mend it, by a connect link (pipewise connect USER APP). See: kubectl -n {{ $labels.namespace "
            "}} get agentmcpbindings -o wide | grep CredentialInvalid"
        ),
    )


def _quota_exhausted(pace: Pace) -> Alert:
    return Alert(
        name="QuotaExhausted",
        expression=f"max by (namespace, project) ({_held('pipewise_project_quota_exhausted', pace)}) > 0",
        lasting=pace.quota_for,
        severity=Severity.WARNING,
        mender=Mender.PLATFORM,
        summary="Project {{ $labels.project }} in {{ $labels.namespace }} has used up its tool runs.",
        description=(
            "Pipedream refuses further tool runs of the project until its window ends, or our runtimes do "
            "because their shares are used up; its users wait. Have the limit raised, or calm the agent that "
            "uses most. See: kubectl -n {{ $labels.namespace }} describe pipedreamproject "
            "{{ $labels.project }}"
        ),
    )


def _unknown_outcome(pace: Pace) -> Alert:
    window = prometheus_duration(pace.unknown_window)
    calls = 'pipewise_runtime_calls_total{outcome="unknown"}'
    return Alert(
        name="UnknownOutcome",
        expression=f"sum by (namespace, app) (increase({calls}[{window}])) > 0",
        lasting=timedelta(0),
        severity=Severity.WARNING,
        mender=Mender.PLATFORM,
        summary="Nobody knows whether a write to {{ $labels.app }} was done.",
        description=(
            "The connection failed after a writing call was sent to {{ $labels.app }}; it was not "
            "repeated. Look at the service whether it took effect; the runtime's logs name the calls "
            "(call_failed with outcome unknown)."
        ),
    )
