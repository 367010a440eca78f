"""What is refused is told apart from what is out: a request, or our project, by whomever can mend it."""

from pipewise_crds import BindingStatus, Condition, ConditionType, Verdict
from pipewise_operator.judge.binding import judge
from pipewise_operator.judge.conditions import find
from pipewise_operator.judge.evidence import Evidence
from support.judging import evidence, exception, provider, runtime


def condition(status: BindingStatus, kind: ConditionType = ConditionType.READY) -> Condition:
    found = find(status.conditions, kind)
    assert found is not None
    return found


def ready(status: BindingStatus) -> tuple[str, str]:
    return condition(status).status, condition(status).reason


def message(status: BindingStatus) -> str:
    return condition(status).message


def refusing(fault: str) -> Evidence:
    cause = "the upstream answered with status 400; check it"
    return evidence(
        runtimes=(runtime(sendgrid=provider("sendgrid", "Unavailable", fault=fault, message=cause)),)
    )


def test_a_refused_request_is_nothing_to_wait_for() -> None:
    status = judge(refusing("Refused"))
    assert ready(status) == ("False", "UpstreamUnavailable")
    assert message(status) == "SendGrid: the upstream answered with status 400; check it"


def test_a_refused_project_is_the_projects_trouble_and_says_nothing_of_the_app() -> None:
    status = judge(refusing("ProjectRefused"))
    assert ready(status) == ("False", "ProjectCredentialInvalid")
    assert message(status) == "project default: SendGrid: the upstream answered with status 400; check it"
    assert condition(status, ConditionType.UPSTREAMS_AVAILABLE).status == "Unknown"


def test_an_outage_that_one_runtime_sees_outranks_what_another_is_refused() -> None:
    refused = provider("sendgrid", "Unavailable", fault="ProjectRefused", message="403")
    out = provider("sendgrid", "Unavailable", message="503")
    both = (runtime(sendgrid=refused), runtime(sendgrid=out))
    found = condition(judge(evidence(runtimes=both)), ConditionType.UPSTREAMS_AVAILABLE)
    assert (found.status, found.reason) == ("False", "UpstreamUnavailable")
    assert "503 (seen by 1 of 2 runtimes); wait for the provider" in found.message


def test_a_project_refused_for_one_user_is_told_on_that_binding() -> None:
    met = exception("sendgrid", Verdict.PROJECT_CREDENTIAL_INVALID)
    status = judge(evidence(runtimes=(runtime(met),)))
    assert ready(status) == ("False", "ProjectCredentialInvalid")
    assert message(status) == "project default: SendGrid: Pipedream gives it no access"
