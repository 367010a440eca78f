"""The memory behind the report: it speaks up on change only, and it grows with trouble only."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import Verdict
from pipewise_runtime.core.evidence import MOST_MESSAGE, Evidence, ProviderSeen

START = datetime(2026, 11, 1, tzinfo=UTC)
PROJECT, BINDING, SERVICE = st.sampled_from("pq"), st.sampled_from("ab"), st.sampled_from("st")
MOMENT = st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours))
SEEN = st.builds(
    ProviderSeen,
    available=st.sampled_from([None, True, False]),
    breaker=st.sampled_from(["Closed", "Open"]),
    message=st.sampled_from(["", "503"]),
    tools=st.sampled_from([None, 3]),
)
TROUBLES = st.sampled_from([Verdict.CREDENTIAL_INVALID, Verdict.UPSTREAM_UNAVAILABLE])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["token_accepted", "token_rejected", "quota_exhausted"]), PROJECT, MOMENT),
    st.tuples(st.sampled_from(["quota_available", "project_gone", "binding_gone"]), PROJECT),
    st.tuples(st.just("provider"), PROJECT, SERVICE, SEEN),
    st.tuples(st.just("provider_gone"), PROJECT, SERVICE),
    st.tuples(st.just("trouble"), BINDING, SERVICE, TROUBLES, st.just("503")),
    st.tuples(st.just("service_breaker"), BINDING, SERVICE, st.sampled_from(["Closed", "Open"])),
    st.tuples(st.just("settled"), BINDING, SERVICE),
)


def told(evidence: Evidence) -> Any:  # noqa: ANN401 - compared only
    """All that a report says, without when trouble was last met."""
    exceptions = [each.model_copy(update={"last_seen": START}) for each in evidence.exceptions()]
    tokens = [each.model_copy(update={"token": "", "token_expires_at": None}) for each in evidence.projects()]
    return tokens, evidence.providers(), exceptions


@given(st.lists(STEPS, max_size=40))
def test_every_change_is_told_once_and_nothing_else_is(steps: list[tuple[Any, ...]]) -> None:
    calls: list[bool] = []
    evidence = Evidence(on_change=calls.append)
    for number, (name, *arguments) in enumerate(steps):
        before, rejected = told(evidence), [each for each in evidence.projects() if each.token == "Rejected"]
        calls.clear()
        when = [START + timedelta(minutes=number)] if name in {"provider", "trouble"} else []
        getattr(evidence, name)(*arguments, *when)
        now_rejected = [each for each in evidence.projects() if each.token == "Rejected"]
        if told(evidence) != before and name != "token_accepted":
            assert len(calls) == 1
        elif rejected == now_rejected and name != "token_accepted":
            assert calls == []
        assert calls in ([], [name == "token_rejected"]), "only a rejected token is urgent"
    assert len(evidence.exceptions()) <= 4
    assert len(evidence.providers()) <= 4


@given(st.lists(SEEN, min_size=1, max_size=20))
def test_since_is_when_the_state_last_changed(looks: list[ProviderSeen]) -> None:
    evidence, since, last = Evidence(), START, object()
    for number, seen in enumerate(looks):
        now = START + timedelta(minutes=number)
        since = since if seen.available == last else now
        last = seen.available
        evidence.provider("p", "a", seen, now)
        assert [each.since for each in evidence.providers()] == [since]


@given(st.lists(TROUBLES, min_size=1, max_size=20))
def test_trouble_of_one_kind_keeps_its_beginning_and_is_reported_once(troubles: list[Verdict]) -> None:
    evidence, since, last = Evidence(), START, None
    for number, verdict in enumerate(troubles):
        now = START + timedelta(minutes=number)
        since = since if verdict == last else now
        last = verdict
        evidence.trouble("b", "s", verdict, "x", now)
        found = evidence.exception("b", "s")
        assert found
        assert (found.since, found.last_seen, found.verdict) == (since, now, verdict)


def test_a_thousand_users_without_trouble_leave_nothing_behind() -> None:
    evidence = Evidence()
    for number in range(1000):
        evidence.trouble(f"b{number}", "s", Verdict.UPSTREAM_UNAVAILABLE, "x", START)
        evidence.settled(f"b{number}", "s")
        evidence.trouble(f"b{number}", "s", Verdict.UPSTREAM_UNAVAILABLE, "x", START)
        evidence.binding_gone(f"b{number}")
    assert (evidence.projects(), evidence.providers(), evidence.exceptions()) == ([], [], [])


def test_the_longest_cause_still_fits_the_contract() -> None:
    evidence = Evidence()
    evidence.provider("p", "a", ProviderSeen(available=False, message="x" * 100_000), START)
    evidence.trouble("b", "s", Verdict.UPSTREAM_UNAVAILABLE, "x" * 100_000, START)
    assert len(evidence.providers()[0].message) == len(evidence.exceptions()[0].message) == MOST_MESSAGE


def test_tools_once_counted_are_kept_through_an_outage() -> None:
    evidence = Evidence()
    evidence.provider("p", "a", ProviderSeen(available=True, tools=3), START)
    evidence.provider("p", "a", ProviderSeen(available=False), START)
    assert evidence.providers()[0].tools == 3


def test_the_token_after_a_refused_one_is_said_to_be_accepted_even_if_the_refused_one_was_after_all() -> None:
    evidence, calls = Evidence(), list[bool]()
    evidence.token_rejected("p", START)
    evidence.on_change = calls.append
    evidence.token_accepted("p", START)
    assert calls == [False], "it was refused to one user only"
    evidence.token_accepted("p", START + timedelta(hours=1))
    assert calls == [False, False], "whoever minted it waits for this word"
    evidence.token_accepted("p", START + timedelta(hours=2))
    assert calls == [False, False], "the normal course of renewal"


def test_what_time_alone_changes_is_brought_up_to_date_before_the_projects_are_told() -> None:
    changes = list[bool]()
    evidence = Evidence(on_change=changes.append)
    evidence.on_ask = lambda: evidence.runs_wanted("p", 32)
    assert [(each.project, each.runs_wanted) for each in evidence.projects()] == [("p", 32)]
    assert changes == [False]


def test_a_project_that_is_gone_is_told_of_no_more() -> None:
    changes = list[bool]()
    evidence = Evidence(on_change=changes.append)
    evidence.project_gone("p")
    assert changes == []
    evidence.token_rejected("p", START)
    evidence.project_gone("p")
    assert (evidence.projects(), changes) == ([], [True, False])
    evidence.token_accepted("p", START + timedelta(hours=1))
    assert changes == [True, False], "the refusal is forgotten too, so nobody waits for this word"


def test_what_is_known_already_is_not_told_again() -> None:
    changes = list[bool]()
    evidence = Evidence()
    evidence.quota_exhausted("p", START + timedelta(hours=1))
    evidence.trouble("b", "s", Verdict.UPSTREAM_UNAVAILABLE, "503", START)
    evidence.on_change = changes.append
    evidence.quota_exhausted("p", START)
    evidence.trouble("b", "s", Verdict.UPSTREAM_UNAVAILABLE, "503 again", START)
    assert changes == []
    assert evidence.projects()[0].quota_exhausted_until == START + timedelta(hours=1)
