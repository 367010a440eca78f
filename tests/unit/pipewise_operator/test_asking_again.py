"""When accounts are asked for again, tokens renewed and failures retried."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipewise_operator.desired import account_requests, schedule
from pipewise_operator.desired.rechecks import Rechecks
from support.judging import NOON

HOUR = timedelta(hours=1)
LONGEST = timedelta(minutes=5)


def test_the_looks_at_one_user_grow_apart_up_to_the_listing_interval() -> None:
    known = Rechecks()
    known.ask("u", NOON)
    gaps, now = [], NOON
    for _ in range(10):
        assert known.due(now) == ["u"]
        known.looked_at("u", now, LONGEST)
        due = known.next()
        assert due is not None
        gaps.append((due - now).total_seconds())
        now = due
    assert gaps == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_news_about_a_user_makes_the_looks_begin_anew() -> None:
    known = Rechecks()
    known.ask("u", NOON)
    for _ in range(5):
        known.looked_at("u", NOON, LONGEST)
    assert known.due(NOON) == []
    known.ask("u", NOON)
    assert known.due(NOON) == ["u"]


def test_a_settled_user_is_not_asked_for() -> None:
    known = Rechecks()
    known.ask("u", NOON)
    known.settle("u")
    assert known.next() is None
    known.looked_at("u", NOON, LONGEST)
    assert "u" not in known


def test_a_new_concern_is_not_kept_waiting_by_old_ones() -> None:
    known, later = Rechecks(), NOON + timedelta(minutes=1)
    for number in range(9):
        known.ask(f"old-{number}", NOON)
        known.looked_at(f"old-{number}", NOON, LONGEST)
    known.ask("new", later)
    assert known.due(later)[0] == "new"


@given(st.lists(st.tuples(st.integers(1, account_requests.AT_ONCE), st.floats(0, 60)), max_size=40))
def test_at_most_1200_account_requests_are_made_in_any_five_minutes(wishes: list[tuple[int, float]]) -> None:
    budget, now, made = account_requests.Budget(NOON), NOON, list[tuple[datetime, int]]()
    for requests, pause in wishes:
        now = max(now + timedelta(seconds=pause), budget.allows_at(requests))
        budget.spend(requests, now)
        made.append((now, requests))
    for began, _ in made:
        assert sum(count for at, count in made if began <= at < began + LONGEST) <= 1200


@given(st.integers(account_requests.AT_ONCE + 1, 10_000))
def test_a_listing_beyond_the_budget_waits_until_nothing_is_spent_and_is_paid_for(requests: int) -> None:
    budget = account_requests.Budget(NOON)
    assert budget.allows_at(requests) == NOON
    budget.spend(requests, NOON)
    assert budget.allows_at(requests) == NOON + requests * account_requests.EACH
    assert budget.allows_at(1) > NOON


def test_users_are_asked_for_in_the_way_that_takes_fewer_requests() -> None:
    assert not account_requests.is_listing_cheaper(users=1, accounts=0)
    assert account_requests.is_listing_cheaper(users=2, accounts=99)
    assert not account_requests.is_listing_cheaper(users=40, accounts=4000)
    assert account_requests.is_listing_cheaper(users=42, accounts=4000)


def test_a_token_is_renewed_at_two_thirds_of_its_life() -> None:
    assert schedule.renewal(NOON, NOON + HOUR) == NOON + timedelta(minutes=40)


@given(st.integers(1, 100), st.floats(0, 0.999), st.floats(0, 500))
def test_retries_wait_as_asked_and_never_long_without_being_asked(
    attempt: int, dice: float, asked: float
) -> None:
    delay = schedule.retry_delay(attempt, dice, asked)
    assert delay >= timedelta(seconds=asked)
    assert delay >= timedelta(seconds=0.75)
    assert delay <= max(schedule.LONGEST_RETRY * 1.25, timedelta(seconds=asked))


def test_a_second_refusal_in_a_row_is_followed_by_a_token_as_soon_as_the_first() -> None:
    assert [schedule.mint_gap(refused).total_seconds() for refused in range(1, 7)] == [5, 5, 10, 20, 40, 60]


@given(st.integers(0, 1000))
def test_refused_tokens_are_replaced_ever_more_slowly(rejections: int) -> None:
    assert schedule.MINT_GAP <= schedule.mint_gap(rejections) <= schedule.LONGEST_RETRY
    assert schedule.mint_gap(rejections) <= schedule.mint_gap(rejections + 1)


@given(st.floats(0, 0.999))
def test_listings_are_jittered_within_their_interval(dice: float) -> None:
    assert NOON + LONGEST * 0.9 <= schedule.next_listing(NOON, LONGEST, dice) <= NOON + LONGEST
