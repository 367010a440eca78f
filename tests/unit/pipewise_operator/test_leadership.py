"""Who leads: never two, whatever network, processes and clocks do; soon one, when all is well."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_operator.desired.leadership import (
    Candidate,
    Record,
    Renew,
    StepDown,
    Take,
    Terms,
    Wait,
    decision,
    given_up,
)
from pipewise_operator.leases import lease_of, record_in
from support.electing import CALM, Simulation

TERMS = Terms()


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_there_are_never_two_leaders(seed: int, replicas: int) -> None:
    simulation = Simulation(seed, replicas)

    def check() -> None:
        assert len(simulation.leaders()) <= 1

    simulation.run(300, check)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32))
def test_when_the_trouble_is_over_somebody_leads_and_goes_on_to_lead(
    seed: int,
) -> None:
    simulation = Simulation(seed, 3, terms_rate=0.01)
    simulation.run(100, lambda: None)
    simulation.troubles = CALM
    # What was already under way when the trouble ended, and then a full term.
    simulation.run(60, lambda: None)
    assert simulation.leaders()
    (leader,) = simulation.leaders()
    simulation.run(100, lambda: None)
    assert simulation.leaders() == [leader], "a healthy leader stays"


def test_a_lease_nobody_holds_is_taken_at_once() -> None:
    assert isinstance(decision(Candidate("a"), 0, "now"), Take)
    freed = Candidate("a").observed(Record("", "t1", 4), 5)
    assert decision(freed, 5, "t2") == Take(Record("a", "t2", 4))


def test_anothers_lease_is_left_alone_until_it_has_not_changed_for_its_duration() -> None:
    seen = Candidate("a").observed(Record("b", "t1", 1), 100)
    assert decision(seen, 100, "t") == Wait(TERMS.poll_seconds)
    assert decision(seen, 109.9, "t") == Wait(pytest.approx(0.1))
    assert decision(seen, 110, "t") == Take(Record("a", "t", 2))
    renewed = seen.observed(Record("b", "t2", 1), 109)
    assert decision(renewed, 110, "t") == Wait(TERMS.poll_seconds)


def test_a_holder_who_claims_a_longer_term_has_it() -> None:
    seen = Candidate("a").observed(Record("b", "t1", 1, duration_seconds=60), 0)
    assert isinstance(decision(seen, 59, "t"), Wait)
    assert isinstance(decision(seen, 60, "t"), Take)


def test_a_leader_renews_in_time_and_counts_from_when_it_asked() -> None:
    leader = Candidate("a").written(Record("a", "t1"), asked_at=10, now=12)
    assert leader.leads(16.9)
    assert not leader.leads(17)
    assert decision(leader, 11, "t") == Wait(1)
    assert decision(leader, 12, "t2") == Renew(Record("a", "t2"))


def test_a_leader_that_cannot_renew_or_sees_another_steps_down() -> None:
    leader = Candidate("a").written(Record("a", "t1"), asked_at=10, now=10)
    assert isinstance(decision(leader, 17, "t"), StepDown)
    assert isinstance(decision(leader.observed(Record("b", "t2"), 11), 11, "t"), StepDown)
    assert isinstance(decision(leader.observed(None, 11), 11, "t"), StepDown)


def test_an_answer_that_came_too_late_to_lead_by_is_no_reason_to_step_down() -> None:
    late = Candidate("a").written(Record("a", "t1"), asked_at=0, now=8)
    assert not late.leads(8)
    assert isinstance(decision(late, 8, "t2"), Take)


def test_only_ones_own_lease_is_given_up() -> None:
    leader = Candidate("a").written(Record("a", "t1", 3), asked_at=0, now=0)
    assert given_up(leader, "t2") == Record("", "t2", 3)
    assert given_up(leader.observed(Record("b", "t2"), 1), "t3") is None
    assert given_up(Candidate("a"), "t") is None


def test_a_lease_says_what_was_recorded_and_keeps_what_others_wrote_beside_it() -> None:
    record = Record("a", "2026-11-23T10:00:00.000000Z", 2)
    before = {"metadata": {"name": "l", "namespace": "n", "resourceVersion": "7", "labels": {"x": "y"}}}
    lease = lease_of("n", "l", record, before)
    assert record_in(lease) == record
    assert lease["metadata"] == before["metadata"]
    assert lease["spec"]["acquireTime"] == record.renewed
    again = lease_of("n", "l", Record("a", "2026-11-23T10:00:02.000000Z", 2), lease)
    assert again["spec"]["acquireTime"] == record.renewed
    assert record_in({"metadata": {}}) == Record("", duration_seconds=0)
