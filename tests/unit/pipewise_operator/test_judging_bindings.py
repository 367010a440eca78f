"""The judgement of a binding: examples for each verdict, and what holds over all evidence."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import PRECEDENCE, BindingStatus, ConditionType, Service, Verdict
from pipewise_operator.judge.binding import judge
from pipewise_operator.judge.checks import CHECKS
from pipewise_operator.judge.conditions import find, worst
from pipewise_operator.judge.evidence import HEALTHY, Blocked, Evidence, Finding, ProjectEvidence
from pipewise_operator.judge.runtimes import seen_from
from support.judging import (
    NOON,
    account,
    binding,
    evidence,
    evidences,
    exception,
    provider,
    registered,
    runtime,
)


def ready(status: BindingStatus) -> tuple[str, str]:
    found = find(status.conditions, ConditionType.READY)
    assert found is not None
    return found.status, found.reason


def message(status: BindingStatus) -> str:
    found = find(status.conditions, ConditionType.READY)
    assert found is not None
    return found.message


def after(status: BindingStatus, now: Evidence) -> Evidence:
    """The same evidence about the binding as it is once the status is written."""
    return replace(now, binding=now.binding.model_copy(update={"status": status}))


def test_a_binding_is_ready_when_every_check_passes() -> None:
    status = judge(evidence())
    assert ready(status) == ("True", "Ready")
    assert status.services_ready == "2/2"
    assert status.mode == "Live"


FAULTS: dict[str, dict[str, Any]] = {
    "RuntimeUnavailable": {"runtimes": ()},
    "ProjectCredentialInvalid": {
        "project": ProjectEvidence("default", Finding(Verdict.PROJECT_CREDENTIAL_INVALID, "refused"))
    },
    "CredentialInvalid": {"accounts": {"sendgrid": account("Dead"), "twitter": account()}},
    "QuotaExhausted": {"project": ProjectEvidence("default", HEALTHY, NOON + timedelta(seconds=9))},
    "UpstreamUnavailable": {"runtimes": (runtime(sendgrid=provider("sendgrid", "Unavailable")),)},
    "Unknown": {"accounts": {"sendgrid": account("Unknown"), "twitter": account()}},
}


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_is_told_under_its_own_name(reason: str) -> None:
    status = judge(evidence(**FAULTS[reason]))
    assert ready(status) == ("Unknown" if reason == "Unknown" else "False", reason)


def test_the_user_is_told_how_to_mend_a_dead_account() -> None:
    status = judge(evidence(**FAULTS["CredentialInvalid"]))
    assert message(status) == (
        "SendGrid: the account of user-42 is dead; connect it again: `pipewise connect user-42 sendgrid`"
    )


def test_an_optional_service_does_not_decide_ready() -> None:
    services = (
        Service(name="sendgrid", app="sendgrid"),
        Service(name="twitter", app="twitter", required=False),
    )
    status = judge(evidence(services=services, accounts={"sendgrid": account(), "twitter": account("Dead")}))
    assert ready(status) == ("True", "Ready")
    assert status.services_ready == "1/2"
    assert [service.verdict for service in status.services] == [Verdict.HEALTHY, Verdict.CREDENTIAL_INVALID]


def test_demo_always_is_never_ready() -> None:
    status = judge(evidence(binding=binding(demo="Always")))
    assert ready(status) == ("False", "Demo")
    assert status.mode == "Demo"


def test_a_missing_account_is_served_by_made_up_results_and_not_ready() -> None:
    status = judge(evidence(accounts={"sendgrid": account("Missing"), "twitter": account()}))
    assert ready(status) == ("False", "CredentialInvalid")
    assert status.mode == "Mixed"


def test_a_failed_call_is_settled_by_a_later_look_at_the_account() -> None:
    failed = (runtime(exception("sendgrid", Verdict.CREDENTIAL_INVALID)),)
    assert ready(judge(evidence(runtimes=failed))) == ("False", "CredentialInvalid")
    later = {"sendgrid": account(checked_at=NOON + timedelta(seconds=1)), "twitter": account()}
    assert ready(judge(evidence(runtimes=failed, accounts=later))) == ("True", "Ready")


def test_pausing_leaves_everything_but_ready_as_it_was() -> None:
    first = judge(evidence())
    paused = judge(after(first, evidence(blocked=Blocked("Paused", "paused"))))
    assert ready(paused) == ("False", "Paused")
    assert paused.services == first.services
    assert paused.conditions[1:] == first.conditions[1:]


def test_the_told_endpoint_stays_while_its_runtime_serves() -> None:
    here, there = runtime(), replace(runtime(), name="a", endpoint="http://10.0.0.9:8720")
    first = judge(evidence(runtimes=(here,)))
    assert judge(after(first, evidence(runtimes=(there, here)))).endpoint == first.endpoint
    assert judge(after(first, evidence(runtimes=(there,)))).endpoint.startswith("http://10.0.0.9")


@given(evidences())
def test_the_same_evidence_gives_the_same_status(given_evidence: Evidence) -> None:
    assert judge(given_evidence) == judge(given_evidence)


@given(evidences(), st.integers(0, 3600))
def test_a_status_that_was_written_is_not_written_again(given_evidence: Evidence, seconds: int) -> None:
    first = judge(given_evidence)
    quota = given_evidence.project and given_evidence.project.quota_exhausted_until
    later = given_evidence if quota else replace(given_evidence, now=NOON + timedelta(seconds=seconds))
    if later.waited > timedelta(seconds=89) > given_evidence.waited:
        later = given_evidence
    assert judge(after(first, later)) == first


@given(evidences())
def test_ready_means_that_everything_required_works(given_evidence: Evidence) -> None:
    status = judge(given_evidence)
    if ready(status)[0] != "True":
        return
    assert given_evidence.serving
    assert given_evidence.project is not None
    assert given_evidence.project.token == HEALTHY
    required = {service.name for service in given_evidence.services if service.required}
    for service in status.services:
        if service.name in required:
            assert service.verdict is Verdict.HEALTHY
            assert service.mode == "Live"


@given(evidences())
def test_the_first_verdict_by_precedence_gives_the_reason(given_evidence: Evidence) -> None:
    status = judge(given_evidence)
    required = [service for service in given_evidence.services if service.required]
    if given_evidence.blocked or ready(status)[1] == "Demo" or not required:
        return
    verdicts = {s.verdict for s in status.services if s.name in {each.name for each in required}}
    expected = next((verdict for verdict in PRECEDENCE if verdict in verdicts), "Ready")
    assert ready(status)[1] == expected


@given(evidences())
def test_no_condition_is_true_while_one_of_its_checks_fails(given_evidence: Evidence) -> None:
    status = judge(given_evidence)
    deciding = [s for s in given_evidence.services if s.required] or given_evidence.services
    for kind, checks in CHECKS.items():
        condition = find(status.conditions, kind)
        found = worst(check(given_evidence, service) for check in checks for service in deciding)
        if condition is not None and condition.status == "True":
            assert found == HEALTHY


@given(st.lists(evidences(), min_size=2, max_size=6))
def test_times_move_only_with_the_status_of_their_condition(history: list[Evidence]) -> None:
    status = BindingStatus()
    for step, each in enumerate(history):
        moment = NOON + timedelta(seconds=step)
        now = replace(after(status, each), now=moment)
        following = judge(now)
        for condition in following.conditions:
            old = find(status.conditions, ConditionType(condition.type))
            if old is not None and old.status == condition.status:
                assert condition.last_transition_time == old.last_transition_time
            else:
                assert condition.last_transition_time == moment
        status = following


@given(evidences(), st.sampled_from(list(Verdict)))
def test_one_bindings_trouble_is_no_other_bindings(given_evidence: Evidence, verdict: Verdict) -> None:
    """`seen_from` picks only this binding's exceptions, so a judgement cannot see another's."""
    quiet = registered()
    noisy = registered(exception("sendgrid", verdict, binding_name="another"))
    mine = given_evidence.binding
    seen = [seen_from(each, mine, ready=True, taken_up_after=0) for each in (quiet, noisy)]
    statuses = [judge(replace(given_evidence, runtimes=(one,))) for one in seen]
    assert statuses[0] == statuses[1]


def test_a_ready_runtime_has_a_moment_to_take_a_generation_up_and_not_forever() -> None:
    waiting = evidence(runtimes=(runtime(taken_up=False),), generation_seen_at=NOON - timedelta(seconds=1))
    assert waiting.is_settling
    slow = replace(waiting, now=NOON + timedelta(seconds=10))
    assert not slow.is_settling
    assert ready(judge(slow)) == ("Unknown", "Unknown")
    never = replace(waiting, now=NOON + timedelta(seconds=100))
    assert ready(judge(never)) == ("False", "RuntimeUnavailable")


def test_an_account_that_was_listed_before_the_binding_came_is_asked_for_first() -> None:
    stale = {"sendgrid": account("Missing", NOON - timedelta(seconds=9)), "twitter": account()}
    new = evidence(accounts=stale, generation_seen_at=NOON - timedelta(seconds=1))
    assert new.is_settling
    assert not replace(new, accounts={**stale, "sendgrid": account("Missing", NOON)}).is_settling


def test_an_account_is_not_called_missing_for_a_listing_from_before_the_binding_came() -> None:
    stale = {"sendgrid": account("Missing", NOON - timedelta(seconds=9)), "twitter": account()}
    new = evidence(accounts=stale, generation_seen_at=NOON - timedelta(seconds=5))
    judged = judge(new)
    assert ready(judged) == ("Unknown", "Unknown")
    assert judged.services[0].account.state == "Unknown"
    assert judged.services[0].mode == "Live"
    asked = replace(new, accounts={**stale, "sendgrid": account("Missing", NOON)})
    assert ready(judge(asked)) == ("False", "CredentialInvalid")


def test_an_account_that_was_told_as_missing_stays_so_while_it_is_asked_for_again() -> None:
    missing = evidence(accounts={"sendgrid": account("Missing"), "twitter": account()})
    edited = missing.binding.model_copy(update={"status": judge(missing)})
    moments = {"now": NOON + timedelta(seconds=9), "generation_seen_at": NOON + timedelta(seconds=1)}
    assert ready(judge(replace(missing, binding=edited, **moments)))[1] == "CredentialInvalid"
