"""The judgement of a project."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import (
    ConditionType,
    MCPRuntime,
    ObjectMeta,
    ProjectReport,
    ProjectStatus,
    RuntimeStatus,
    Verdict,
)
from pipewise_operator.judge.conditions import find
from pipewise_operator.judge.evidence import HEALTHY
from pipewise_operator.judge.project import (
    ProjectFacts,
    Refused,
    SecretMissing,
    Trouble,
    Unreachable,
    judge_invalid_project,
    judge_project,
    token_finding,
)
from pipewise_operator.judge.quota import QuotaSeen, quota_seen
from support.judging import NOON
from support.observing import project

VALID = NOON + timedelta(minutes=30)
FACTS = st.builds(
    ProjectFacts,
    token_expires_at=st.sampled_from([None, VALID, NOON - timedelta(minutes=1)]),
    minting=st.sampled_from([None, Refused("no"), SecretMissing("gone"), Unreachable("503")]),
    listing=st.sampled_from([None, Refused("403"), Unreachable("503")]),
    rejected=st.booleans(),
    rejections=st.integers(0, 3),
)


def told(status: ProjectStatus, kind: str) -> tuple[str, str]:
    condition = find(status.conditions, ConditionType(kind))
    assert condition is not None
    return condition.status, condition.reason


def status_of(facts: ProjectFacts, seconds: int | None = None) -> ProjectStatus:
    return judge_project(project(), facts, seen(seconds), NOON)


def seen(seconds: int | None) -> QuotaSeen:
    """What a runtime's report says that was refused until so many seconds from now."""
    until = None if seconds is None else NOON + timedelta(seconds=seconds)
    report = ProjectReport(project="default", quota_exhausted_until=until)
    return quota_seen(project(), [reporting(report)], [], NOON)


def reporting(report: ProjectReport) -> MCPRuntime:
    """A runtime that reports this."""
    return MCPRuntime(
        metadata=ObjectMeta(name="r", namespace="n", uid="uid-r"),
        status=RuntimeStatus(projects=[report]),
    )


CASES: list[tuple[Trouble | None, str, tuple[str, str], tuple[str, str]]] = [
    (None, "valid", ("True", "Ready"), ("True", "Valid")),
    (Refused("no"), "none", ("False", "ProjectCredentialInvalid"), ("False", "ProjectCredentialInvalid")),
    (SecretMissing("gone"), "none", ("False", "SecretNotFound"), ("False", "SecretNotFound")),
    (Unreachable("503"), "none", ("False", "UpstreamUnavailable"), ("Unknown", "Unknown")),
    (None, "none", ("Unknown", "Unknown"), ("Unknown", "Unknown")),
    (Unreachable("503"), "valid", ("True", "Ready"), ("True", "Valid")),
]


@pytest.mark.parametrize(("trouble", "token", "ready", "credentials"), CASES)
def test_the_credentials_are_told_as_they_were_met(
    trouble: Trouble | None, token: str, ready: tuple[str, str], credentials: tuple[str, str]
) -> None:
    facts = ProjectFacts(token_expires_at=VALID if token == "valid" else None, minting=trouble)
    status = status_of(facts)
    assert told(status, "Ready") == ready
    assert told(status, "CredentialsValid") == credentials


def test_a_refused_secret_does_not_stop_calls_while_the_old_token_lives() -> None:
    facts = ProjectFacts(token_expires_at=VALID, minting=Refused("no"))
    assert token_finding("default", facts, NOON) == HEALTHY
    assert told(status_of(facts), "CredentialsValid") == ("False", "ProjectCredentialInvalid")


def test_a_second_fresh_token_that_is_refused_means_that_we_are() -> None:
    once = ProjectFacts(token_expires_at=VALID, rejected=True, rejections=1)
    assert token_finding("default", once, NOON) == HEALTHY
    twice = ProjectFacts(token_expires_at=VALID, rejections=2)
    assert token_finding("default", twice, NOON).verdict is Verdict.PROJECT_CREDENTIAL_INVALID


def test_a_project_that_is_refused_is_no_outage_of_pipedreams() -> None:
    facts = ProjectFacts(token_expires_at=VALID, listing=Refused("no (HTTP 403)"))
    assert told(status_of(facts), "Ready") == ("False", "ProjectCredentialInvalid")
    assert told(status_of(facts), "CredentialsValid") == ("False", "ProjectCredentialInvalid")
    finding = token_finding("default", facts, NOON)
    assert finding.verdict is Verdict.PROJECT_CREDENTIAL_INVALID
    assert "no (HTTP 403); check projectID" in finding.message


def test_a_quota_that_has_come_back_is_not_told() -> None:
    facts = ProjectFacts(token_expires_at=VALID)
    assert told(status_of(facts, 5), "QuotaAvailable") == ("False", "QuotaExhausted")
    assert told(status_of(facts, -5), "QuotaAvailable") == ("True", "Available")


@pytest.mark.parametrize(
    ("used", "idle", "available"), [(2000, 0, "False"), (1750, 250, "False"), (1000, 1000, "True")]
)
def test_the_quota_is_used_up_when_only_idle_runtimes_have_runs_left(
    used: int, idle: int, available: str
) -> None:
    later = NOON + timedelta(seconds=30)
    out = reporting(ProjectReport(project="default", share_used_until=later, runs_allowed=used))
    calm = reporting(ProjectReport(project="default", runs_allowed=idle))
    facts = ProjectFacts(token_expires_at=VALID)
    status = judge_project(project(), facts, quota_seen(project(), [], [out, calm], NOON), NOON)
    assert told(status, "QuotaAvailable")[0] == available
    assert status.quota is not None
    assert status.quota.exhausted_until is None, "what is left for others is Pipedream's to say"
    assert quota_seen(project(), [], [out, calm], later) == QuotaSeen()


def test_an_invalid_spec_keeps_what_was_known() -> None:
    before = status_of(ProjectFacts(token_expires_at=VALID))
    broken = project().model_copy(update={"status": before})
    status = judge_invalid_project(broken, "projectID: too long", NOON)
    assert told(status, "Ready") == ("False", "InvalidSpec")
    assert status.token_expires_at == VALID


@given(FACTS, st.none() | st.integers(-10, 10))
def test_a_project_status_that_was_written_is_not_written_again(
    facts: ProjectFacts, seconds: int | None
) -> None:
    first = status_of(facts, seconds)
    written = project().model_copy(update={"status": first})
    assert judge_project(written, facts, seen(seconds), NOON) == first


@given(FACTS, st.none() | st.integers(-10, 10))
def test_ready_means_that_a_token_is_valid_and_quota_is_left(
    facts: ProjectFacts, seconds: int | None
) -> None:
    status = status_of(facts, seconds)
    if told(status, "Ready")[0] == "True":
        assert facts.token_expires_at == VALID
        assert told(status, "CredentialsValid")[0] == "True"
        assert told(status, "QuotaAvailable")[0] == "True"
