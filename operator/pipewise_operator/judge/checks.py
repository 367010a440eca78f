"""The checks a service must pass for a call to work: each looks at one aspect and finds one verdict.

`CHECKS` reads as a table of contents; the order of verdicts (PRECEDENCE) is not decided here.
"""

import shlex
from collections.abc import Callable, Mapping

from pipewise_crds import (
    AccountStatus,
    ConditionType,
    ExceptionReport,
    Fault,
    ProviderReport,
    Service,
    Verdict,
    timestamp,
)
from pipewise_crds.apps import title_of
from pipewise_operator.desired.placement import runtime_name

from .evidence import HEALTHY, TAKE_UP_LIMIT, Evidence, Finding

Check = Callable[[Evidence, Service], Finding]


def runtime_serves(evidence: Evidence, _service: Service) -> Finding:
    """A ready runtime works by the binding's present spec."""
    spec = evidence.binding.spec
    ready = [runtime for runtime in evidence.runtimes if runtime.ready]
    if evidence.serving:
        return HEALTHY
    if ready and evidence.waited < TAKE_UP_LIMIT:
        return Finding(
            Verdict.UNKNOWN,
            f"{ready[0].name} is ready but has not taken up this generation of the binding yet; "
            "wait for its report",
        )
    if ready:
        return Finding(
            Verdict.RUNTIME_UNAVAILABLE,
            f"{ready[0].name} is ready but does not take up this generation of the binding; look at its log",
        )
    if evidence.runtimes:
        names = ", ".join(runtime.name for runtime in evidence.runtimes[:3])
        return Finding(
            Verdict.RUNTIME_UNAVAILABLE,
            f"none of {len(evidence.runtimes)} runtimes for {spec.agent} is ready ({names}); "
            "look at their pods: `kubectl get mcpruntimes`",
        )
    where = (
        "start a pod labelled mcp.pipewise.io/inject=true whose annotation mcp.pipewise.io/agents "
        f"names {spec.agent}"
        if spec.placement == "Sidecar"
        else _managed(evidence)
    )
    return Finding(Verdict.RUNTIME_UNAVAILABLE, f"no runtime serves {spec.agent}; {where}")


def _managed(evidence: Evidence) -> str:
    shard = evidence.binding.status.shard
    if shard is None:
        return "this installation makes no managed runtimes: set managed.enabled of the chart"
    return f"its runtime is being made; if it stays so, look at Deployment {runtime_name(shard)}"


def project_is_accepted(evidence: Evidence, service: Service) -> Finding:
    """Pipedream accepts who we are, and gives us access to the project."""
    if evidence.project is None:
        return Finding(Verdict.UNKNOWN, "the project is not known yet")
    finding = evidence.project.token
    if finding.verdict is Verdict.UPSTREAM_UNAVAILABLE:
        return Finding(Verdict.UNKNOWN, finding.message)
    if finding.verdict is not Verdict.HEALTHY:
        return finding
    met = [report.message for report in _down(evidence, service) if report.fault == "ProjectRefused"]
    met += [report.message for report in _exceptions(evidence, service, Verdict.PROJECT_CREDENTIAL_INVALID)]
    if met:
        cause = met[0] or "Pipedream gives it no access"
        where = f"project {evidence.project.name}: {title_of(service.app)}"
        return Finding(Verdict.PROJECT_CREDENTIAL_INVALID, f"{where}: {cause}")
    return HEALTHY


def account_is_usable(evidence: Evidence, service: Service) -> Finding:
    """The user's account for the app can be used."""
    account = evidence.account(service)
    if account.status.state == "Unknown":
        return Finding(
            Verdict.UNKNOWN, f"{title_of(service.app)}: Pipedream has not been asked for the account yet"
        )
    if account.status.state != "Healthy":
        return Finding(Verdict.CREDENTIAL_INVALID, _account_message(evidence, service, account.status))
    for report in _exceptions(evidence, service, Verdict.CREDENTIAL_INVALID):
        if account.checked_at is None or account.checked_at <= report.last_seen:
            return Finding(
                Verdict.CREDENTIAL_INVALID,
                f"{title_of(service.app)}: calls for {evidence.binding.spec.user} are told to connect an "
                f"account; it is looked at again; if it stays so: {_connect(evidence, service)}",
            )
    return HEALTHY


def quota_is_left(evidence: Evidence, service: Service) -> Finding:
    """The project has tool runs left."""
    until = evidence.project.quota_exhausted_until if evidence.project else None
    name = evidence.binding.spec.project_ref
    if until is not None and until > evidence.now:
        return Finding(
            Verdict.QUOTA_EXHAUSTED,
            f"the tool runs of project {name} are used up until {timestamp(until)}; "
            "wait, or have the limit raised at Pipedream",
        )
    if _exceptions(evidence, service, Verdict.QUOTA_EXHAUSTED):
        return Finding(
            Verdict.QUOTA_EXHAUSTED,
            f"{title_of(service.app)}: calls are refused because their part of the tool runs of project "
            f"{name} is used up; wait, or have spec.limits of the project raised",
        )
    return HEALTHY


def upstream_answers(evidence: Evidence, service: Service) -> Finding:
    """The app behind Pipedream answers properly, as far as the serving runtimes have seen."""
    title = title_of(service.app)
    if evidence.project and evidence.project.token.verdict is Verdict.UPSTREAM_UNAVAILABLE:
        return evidence.project.token
    seen = [runtime.providers.get(service.app) for runtime in evidence.serving]
    for fault, advice in _ADVICE.items():
        down = [report for report in _down(evidence, service) if report.fault == fault]
        if down:
            some = f" (seen by {len(down)} of {len(seen)} runtimes)" if len(down) < len(seen) else ""
            cause = down[0].message or "it does not answer properly"
            return Finding(Verdict.UPSTREAM_UNAVAILABLE, f"{title}: {cause}{some}{advice}")
    for report in _exceptions(evidence, service, Verdict.UPSTREAM_UNAVAILABLE):
        cause = report.message or "calls of this user fail"
        return Finding(Verdict.UPSTREAM_UNAVAILABLE, f"{title}: {cause}; this clears as soon as one works")
    if any(report and report.state == "Available" for report in seen):
        return HEALTHY
    if _down(evidence, service):
        return Finding(Verdict.UNKNOWN, f"{title}: nothing is known while the project is refused")
    return Finding(Verdict.UNKNOWN, f"{title}: no call or probe has been seen yet")


_ADVICE: Mapping[Fault, str] = {
    "Outage": "; wait for the provider, probes go on by themselves",
    "Refused": "",
}
"""What follows the cause, by what an app's calls meet: a refusal's own cause says what to check."""


CHECKS: Mapping[ConditionType, tuple[Check, ...]] = {
    ConditionType.RUNTIME_AVAILABLE: (runtime_serves,),
    ConditionType.CREDENTIALS_VALID: (project_is_accepted, account_is_usable),
    ConditionType.QUOTA_AVAILABLE: (quota_is_left,),
    ConditionType.UPSTREAMS_AVAILABLE: (upstream_answers,),
}
"""Which checks make which condition; Ready is all of them."""


def _down(evidence: Evidence, service: Service) -> list[ProviderReport]:
    seen = (runtime.providers.get(service.app) for runtime in evidence.serving)
    return [report for report in seen if report and report.state == "Unavailable"]


def _exceptions(evidence: Evidence, service: Service, verdict: Verdict) -> list[ExceptionReport]:
    reports = (runtime.exceptions.get(service.name) for runtime in evidence.serving)
    return [
        report
        for report in reports
        if report is not None and report.verdict is verdict and report.holds(evidence.now)
    ]


def _connect(evidence: Evidence, service: Service) -> str:
    return f"`pipewise connect {shlex.quote(evidence.binding.spec.user)} {service.app}`"


def _account_message(evidence: Evidence, service: Service, account: AccountStatus) -> str:
    title, user = title_of(service.app), evidence.binding.spec.user
    match account.state:
        case "Dead":
            return f"{title}: the account of {user} is dead; connect it again: {_connect(evidence, service)}"
        case "Unhealthy":
            return (
                f"{title}: Pipedream cannot use the account of {user} for now and keeps trying; "
                f"if it stays so, connect it again: {_connect(evidence, service)}"
            )
        case _ if service.account_id:
            return (
                f"{title}: {user} has no account {service.account_id}; "
                f"connect it: {_connect(evidence, service)}, or correct accountID"
            )
        case _:
            return f"{title}: {user} has not connected an account; connect it: {_connect(evidence, service)}"
