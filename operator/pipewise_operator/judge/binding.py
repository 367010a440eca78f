"""The judgement of a binding: evidence in, its whole status out. Deterministic and idempotent."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pipewise_crds import (
    BindingStatus,
    ConditionType,
    Reason,
    RuntimeCounts,
    Service,
    ServiceStatus,
    Verdict,
    endpoint_path,
)
from pipewise_crds.apps import title_of
from pipewise_operator.desired.placement import service_url

from .checks import CHECKS
from .conditions import Aspect, aspect, dated, find, worst
from .evidence import Evidence, Finding

_Findings = Mapping[ConditionType, Finding]
_ORDER = (
    ConditionType.READY,
    ConditionType.CREDENTIALS_VALID,
    ConditionType.UPSTREAMS_AVAILABLE,
    ConditionType.QUOTA_AVAILABLE,
    ConditionType.RUNTIME_AVAILABLE,
)


def judge(evidence: Evidence) -> BindingStatus:
    """What is true of the binding now.

    `lastTransitionTime`s are carried over from the binding's present status wherever nothing changed, so the
    result equals that status exactly when there is nothing new to say.
    """
    if evidence.blocked is not None and evidence.blocked.reason == Reason.PAUSED:
        return _paused(evidence)
    found = {service.name: _findings(evidence, service) for service in evidence.services}
    services = [] if evidence.blocked else [_service(evidence, s, found[s.name]) for s in evidence.services]
    aspects = _blocked(evidence) if evidence.blocked else _aspects(evidence, found)
    before = evidence.binding.status
    conditions = dated(aspects, before.conditions, evidence.now, evidence.binding.metadata.generation)
    ready = find(conditions, ConditionType.READY)
    good = sum(1 for service in services if service.verdict is Verdict.HEALTHY and service.mode == "Live")
    return BindingStatus(
        observed_generation=evidence.binding.metadata.generation,
        conditions=conditions,
        services=services,
        services_ready=f"{good}/{len(services)}" if services else "",
        mode=_mode(services),
        runtimes=RuntimeCounts(ready=len(evidence.serving), total=len(evidence.runtimes)),
        endpoint="" if evidence.blocked else _endpoint(evidence),
        shard=before.shard,
        last_transition_time=ready.last_transition_time if ready else None,
    )


def _findings(evidence: Evidence, service: Service) -> _Findings:
    return {kind: worst(check(evidence, service) for check in checks) for kind, checks in CHECKS.items()}


def _aspects(evidence: Evidence, found: Mapping[str, _Findings]) -> list[Aspect]:
    # Without required services a runtime and a project are needed all the same: judge those by all services.
    deciding = [s for s in evidence.services if s.required] or list(evidence.services)
    by_kind = {kind: worst(found[service.name][kind] for service in deciding) for kind in CHECKS}
    if not any(service.required for service in evidence.services):
        ready = worst([by_kind[ConditionType.RUNTIME_AVAILABLE], _token(evidence)])
    else:
        ready = worst(by_kind.values())
    aspects = {kind: aspect(kind, finding) for kind, finding in by_kind.items()}
    if evidence.serving:
        told = f"{len(evidence.serving)} of {len(evidence.runtimes)} runtimes ready"
        kind = ConditionType.RUNTIME_AVAILABLE
        aspects[kind] = aspect(kind, Finding(Verdict.HEALTHY, told))
    aspects[ConditionType.READY] = _demo(evidence, ready) or aspect(ConditionType.READY, ready)
    return [aspects[kind] for kind in _ORDER]


def _token(evidence: Evidence) -> Finding:
    return evidence.project.token if evidence.project else Finding(Verdict.UNKNOWN)


def _demo(evidence: Evidence, ready: Finding) -> Aspect | None:
    """Made-up results are never Ready; asked for always, that is the reason unless there is no runtime."""
    made_up = [s for s in evidence.services if s.required and _service_mode(evidence, s) == "Demo"]
    if evidence.demo != "Always" or not made_up or ready.verdict is Verdict.RUNTIME_UNAVAILABLE:
        return None
    titles = ", ".join(title_of(service.app) for service in made_up)
    return Aspect(
        ConditionType.READY,
        "False",
        Reason.DEMO,
        f"{titles}: results are made up because spec.demo is Always; "
        "set it to WhenUnauthorized or Never for real ones",
    )


def _service(evidence: Evidence, service: Service, findings: _Findings) -> ServiceStatus:
    finding = worst(findings.values())
    reports = [runtime.providers.get(service.app) for runtime in evidence.serving]
    exceptions = [runtime.exceptions.get(service.name) for runtime in evidence.serving]
    is_open = any(report is not None and report.breaker == "Open" for report in [*reports, *exceptions])
    return ServiceStatus(
        name=service.name,
        app=service.app,
        verdict=finding.verdict,
        mode=_service_mode(evidence, service),
        tools=next((report.tools for report in reports if report and report.tools is not None), None),
        account=evidence.account(service).status,
        breaker="Open" if is_open else "Closed",
        message=finding.message,
    )


def _service_mode(evidence: Evidence, service: Service) -> Literal["Live", "Demo"]:
    account = evidence.account(service)
    made_up = evidence.demo == "Always" or (evidence.demo == "WhenUnauthorized" and account.is_unwell)
    return "Demo" if made_up else "Live"


def _mode(services: Sequence[ServiceStatus]) -> Literal["Live", "Demo", "Mixed", ""]:
    modes = {service.mode for service in services}
    if len(modes) > 1:
        return "Mixed"
    return modes.pop() if modes else ""


def _endpoint(evidence: Evidence) -> str:
    """The URL of its shard, or of one serving runtime; the one already told stays as long as that serves."""
    spec, shard = evidence.binding.spec, evidence.binding.status.shard
    path = endpoint_path(spec.agent, spec.user)
    if shard is not None:
        return service_url(evidence.binding.metadata.namespace, shard) + path
    offered = [runtime.endpoint.rstrip("/") + path for runtime in evidence.serving if runtime.endpoint]
    told = evidence.binding.status.endpoint
    return told if told in offered or not offered else offered[0]


def _blocked(evidence: Evidence) -> list[Aspect]:
    blocked = evidence.blocked
    reason, message = (blocked.reason, blocked.message) if blocked else ("", "")
    others = [Aspect(kind, "Unknown", reason, "not judged: see Ready") for kind in _ORDER[1:]]
    return [Aspect(ConditionType.READY, "False", reason, message), *others]


def _paused(evidence: Evidence) -> BindingStatus:
    """Only Ready changes: the rest of the status stays as it was when serving stopped."""
    before, generation = evidence.binding.status, evidence.binding.metadata.generation
    message = evidence.blocked.message if evidence.blocked else ""
    ready = dated(
        [Aspect(ConditionType.READY, "False", Reason.PAUSED, message)],
        before.conditions,
        evidence.now,
        generation,
    )
    rest = [condition for condition in before.conditions if condition.type != ConditionType.READY]
    return before.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [*ready, *rest],
            "last_transition_time": ready[0].last_transition_time,
        }
    )
