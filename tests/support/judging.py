"""Evidence for tests of the judgement: by hand, and made up by hypothesis."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from pipewise_crds import (
    AccountState,
    AccountStatus,
    AgentMCPBinding,
    BindingSpec,
    ExceptionReport,
    MCPRuntime,
    ObjectMeta,
    ProviderReport,
    RuntimeStatus,
    Service,
    Verdict,
)
from pipewise_operator.judge.accounts import AccountEvidence
from pipewise_operator.judge.evidence import (
    HEALTHY,
    Blocked,
    Evidence,
    Finding,
    ProjectEvidence,
    RuntimeEvidence,
)
from pipewise_operator.judge.runtimes import Registration

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
APPS = ("sendgrid", "twitter", "pipedrive")


def binding(name: str = "b", **spec: Any) -> AgentMCPBinding:  # noqa: ANN401 - any field of the spec
    """A binding of the coordinator for user-42."""
    fields = {"agent": "coordinator", "user": "user-42", **spec}
    return AgentMCPBinding(
        metadata=ObjectMeta(name=name, namespace="n", uid=f"uid-{name}", resource_version="10"),
        spec=BindingSpec(**fields),
    )


def provider(app: str, state: Any = "Available", **fields: Any) -> ProviderReport:  # noqa: ANN401 - a literal
    """A runtime's report on an app."""
    return ProviderReport(project="default", app=app, state=state, since=NOON, **fields)


def exception(
    service: str, verdict: Verdict, last_seen: datetime = NOON, binding_name: str = "b"
) -> ExceptionReport:
    """A runtime's report on one service of one binding."""
    return ExceptionReport(
        binding=binding_name, service=service, verdict=verdict, since=NOON, last_seen=last_seen
    )


def runtime(
    *exceptions: ExceptionReport, ready: bool = True, taken_up: bool = True, **providers: ProviderReport
) -> RuntimeEvidence:
    """A runtime that serves the binding; every app is available unless told otherwise."""
    reports = {app: provider(app) for app in APPS} | providers
    return RuntimeEvidence(
        name="r",
        ready=ready,
        taken_up=taken_up,
        endpoint="http://127.0.0.1:8720",
        providers=reports,
        exceptions={report.service: report for report in exceptions},
    )


def account(state: AccountState = "Healthy", checked_at: datetime | None = NOON) -> AccountEvidence:
    """What is known of one account."""
    return AccountEvidence(AccountStatus(id="apn_1", state=state), checked_at)


def evidence(**changes: Any) -> Evidence:  # noqa: ANN401 - any field of Evidence
    """Evidence of a binding that is well, with changes."""
    services = tuple(Service(name=app, app=app) for app in APPS[:2])
    fields: dict[str, Any] = {
        "binding": binding(),
        "now": NOON,
        "services": services,
        "project": ProjectEvidence("default", HEALTHY),
        "accounts": {app: account() for app in APPS},
        "runtimes": (runtime(),),
        "generation_seen_at": NOON - timedelta(minutes=5),
    }
    return Evidence(**{**fields, **changes})


def _runtimes() -> st.SearchStrategy[RuntimeEvidence]:
    reports = st.fixed_dictionaries(
        {app: st.sampled_from(["Unknown", "Available", "Unavailable"]) for app in APPS}
    ).map(lambda states: {app: provider(app, state) for app, state in states.items()})
    exceptions = st.dictionaries(
        st.sampled_from(APPS),
        st.sampled_from(list(Verdict)),
        max_size=2,
    ).map(lambda found: {service: exception(service, verdict) for service, verdict in found.items()})
    return st.builds(
        RuntimeEvidence,
        name=st.sampled_from(["r1", "r2", "r3"]),
        ready=st.booleans(),
        taken_up=st.booleans(),
        endpoint=st.sampled_from(["", "http://127.0.0.1:8720", "http://10.0.0.1:8720"]),
        providers=reports,
        exceptions=exceptions,
    )


def evidences() -> st.SearchStrategy[Evidence]:
    """Any evidence of one binding whose status is still empty."""
    needs = st.dictionaries(st.sampled_from(APPS), st.booleans(), min_size=1)
    services = needs.map(
        lambda need: tuple(Service(name=app, app=app, required=required) for app, required in need.items())
    )
    tokens = st.sampled_from(
        [HEALTHY]
        + [
            Finding(verdict, f"token: {verdict}")
            for verdict in (
                Verdict.PROJECT_CREDENTIAL_INVALID,
                Verdict.UPSTREAM_UNAVAILABLE,
                Verdict.UNKNOWN,
            )
        ]
    )
    moments = st.none() | st.integers(-60, 60).map(lambda seconds: NOON + timedelta(seconds=seconds))
    accounts = st.dictionaries(
        st.sampled_from(APPS),
        st.builds(
            account,
            st.sampled_from(get_args(AccountState)),
            st.none() | st.sampled_from([NOON, NOON - timedelta(1)]),
        ),
    )
    demo = st.sampled_from(["WhenUnauthorized", "Never", "Always"])
    return st.builds(
        Evidence,
        binding=demo.map(lambda setting: binding(demo=setting)),
        now=st.just(NOON),
        services=services,
        project=st.none() | st.builds(ProjectEvidence, st.just("default"), tokens, moments),
        accounts=accounts,
        runtimes=st.lists(_runtimes(), max_size=3, unique_by=lambda each: each.name).map(tuple),
        blocked=st.none()
        | st.sampled_from(
            [Blocked("Paused", "paused"), Blocked("Conflict", "older"), Blocked("InvalidSpec", "bad")]
        ),
        generation_seen_at=st.sampled_from([NOON, NOON - timedelta(minutes=5)]),
    )


def registered(*exceptions: ExceptionReport, **status: Any) -> Registration:  # noqa: ANN401 - any field
    """A runtime's object without a Pod."""
    fields = {
        "report_time": NOON,
        "providers": [provider(app) for app in APPS],
        "exceptions": list(exceptions),
    }
    return Registration(
        MCPRuntime(
            metadata=ObjectMeta(name="r", namespace="n", uid="uid-r", resource_version="5"),
            status=RuntimeStatus(**{**fields, **status}),
        )
    )
