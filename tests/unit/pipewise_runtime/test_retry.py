"""What may be repeated, over random histories of what can happen to an operation."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import Resilience, Verdict
from pipewise_runtime.core.retry import (
    AccountRequired,
    FateUnknown,
    Forbidden,
    GiveUp,
    Happened,
    NotSent,
    Operation,
    Outcome,
    Refresh,
    Refused,
    Reopen,
    Retry,
    SessionLost,
    Throttled,
    TokenRejected,
    scheduled_wait,
)

HAPPENED: st.SearchStrategy[Happened] = st.one_of(
    st.just(NotSent("refused")),
    st.just(FateUnknown("503")),
    st.just(TokenRejected()),
    st.just(SessionLost()),
    st.builds(Throttled, st.none() | st.floats(0, 60)),
    st.builds(AccountRequired, st.booleans(), st.just("https://link")),
    st.just(Refused("422")),
    st.just(Forbidden("403")),
)
DICE = st.floats(0, 1, exclude_max=True)
STEPS = st.lists(st.tuples(HAPPENED, DICE, st.floats(0, 10)), min_size=12, max_size=12)
POLICIES = st.builds(
    Resilience,
    max_retries=st.integers(0, 3),
    base_delay=st.floats(0.01, 8).map(lambda seconds: timedelta(seconds=seconds)),
    max_delay=st.floats(0.01, 60).map(lambda seconds: timedelta(seconds=seconds)),
)


def operation(*, read_only: bool = True, policy: Resilience | None = None, deadline: float = 30) -> Operation:
    return Operation(read_only, deadline, policy or Resilience()).begun()


@given(steps=STEPS, policy=POLICIES, deadline=st.floats(1, 600), read_only=st.booleans())
def test_no_history_breaks_the_rules(
    steps: list[tuple[Happened, float, float]], policy: Resilience, deadline: float, *, read_only: bool
) -> None:
    current, now, tries = operation(read_only=read_only, policy=policy, deadline=deadline), 0.0, 1
    waits = refreshes = reopens = 0
    may_have_run = False
    for happened, dice, seconds in steps:
        now += seconds
        before, may_have_run = current, may_have_run or isinstance(happened, FateUnknown)
        current, decision = current.after(happened, now, dice)
        assert before.attempts == current.attempts == tries
        match decision:
            case GiveUp(outcome=outcome):
                assert (outcome is Outcome.UNKNOWN) == (isinstance(happened, FateUnknown) and not read_only)
                assert (outcome is Outcome.NOT_RUN) == (not may_have_run)
                return
            case Retry(wait_seconds=wait):
                waits += 1
                now += wait
                assert now < deadline
                assert read_only or not isinstance(happened, FateUnknown)
                assert not isinstance(happened, Refused)
            case Refresh():
                refreshes += 1
                assert now < deadline
            case Reopen():
                reopens += 1
                assert now < deadline
        assert waits <= policy.max_retries
        assert max(refreshes, reopens) <= 1
        current, tries = current.begun(), tries + 1
    pytest.fail("twelve failures in a row and still not given up")


@given(st.integers(0, 3), DICE)
def test_waits_double_from_one_second_and_spread_by_a_quarter(retries: int, dice: float) -> None:
    current = Operation(read_only=True, deadline=100, policy=Resilience(), retries=min(retries, 2))
    _, decision = current.after(FateUnknown("503"), 0, dice)
    assert isinstance(decision, Retry)
    scheduled = (1, 2, 4)[min(retries, 2)]
    assert scheduled <= decision.wait_seconds <= scheduled * 1.25
    assert scheduled_wait(Resilience(), retries) == (1, 2, 4, 8)[retries]


@given(POLICIES, st.integers(0, 3), DICE)
def test_no_wait_of_ours_is_longer_than_the_ceiling(policy: Resilience, retries: int, dice: float) -> None:
    current = Operation(read_only=True, deadline=1000, policy=policy, retries=retries)
    _, decision = current.after(NotSent("refused"), 0, dice)
    if isinstance(decision, Retry):
        assert 0 < decision.wait_seconds <= policy.max_delay.total_seconds()


@given(st.floats(0, 20), DICE)
def test_a_retry_after_is_waited_out_and_its_end_spread(wished: float, dice: float) -> None:
    _, decision = operation().after(Throttled(wished), 0, dice)
    assert isinstance(decision, Retry)
    assert decision.wait_seconds >= max(wished + dice / 4, 1 + dice / 4)
    assert decision.wait_seconds <= max(wished, 1) + 0.25


def test_a_retry_after_beyond_the_deadline_is_told_with_its_length() -> None:
    _, decision = operation().after(Throttled(31), 0, 0)
    assert isinstance(decision, GiveUp)
    assert decision.verdict is Verdict.QUOTA_EXHAUSTED
    assert decision.retry_after_seconds == 31


VERDICTS: list[tuple[Happened, bool, Verdict, Outcome]] = [
    (NotSent("x"), False, Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN),
    (FateUnknown("x"), False, Verdict.UPSTREAM_UNAVAILABLE, Outcome.UNKNOWN),
    (FateUnknown("x"), True, Verdict.UPSTREAM_UNAVAILABLE, Outcome.FAILED),
    (TokenRejected(), True, Verdict.PROJECT_CREDENTIAL_INVALID, Outcome.NOT_RUN),
    (SessionLost(), True, Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN),
    (Throttled(None), True, Verdict.QUOTA_EXHAUSTED, Outcome.NOT_RUN),
    (AccountRequired(listed_healthy=True), True, Verdict.CREDENTIAL_INVALID, Outcome.NOT_RUN),
    (Refused("x"), True, Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN),
]


@pytest.mark.parametrize(("happened", "read_only", "verdict", "outcome"), VERDICTS)
def test_at_the_deadline_everything_is_given_up_under_its_own_verdict(
    happened: Happened, *, read_only: bool, verdict: Verdict, outcome: Outcome
) -> None:
    _, decision = operation(read_only=read_only).after(happened, 30, 0)
    assert isinstance(decision, GiveUp)
    assert (decision.verdict, decision.outcome) == (verdict, outcome)


def test_an_account_listed_as_missing_is_not_asked_for_again() -> None:
    _, decision = operation().after(AccountRequired(listed_healthy=False), 0, 0)
    assert isinstance(decision, GiveUp)


def test_a_connect_link_shows_in_no_repr() -> None:
    assert "ctok" not in repr(AccountRequired(listed_healthy=True, connect_url="https://x/?token=ctok_1"))
