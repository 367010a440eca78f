"""When accounts are asked for again, tokens renewed and failures retried."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipewise_operator.desired import rechecks, schedule
from support.judging import NOON

HOUR = timedelta(hours=1)
LONGEST = timedelta(minutes=5)


def test_the_looks_at_one_user_grow_apart_up_to_the_listing_interval() -> None:
    known: rechecks.Schedule = rechecks.asked_for({}, "u", NOON)
    gaps, now = [], NOON
    for _ in range(10):
        assert rechecks.due(known, now) == ["u"]
        known = rechecks.looked_at(known, "u", now, LONGEST)
        gaps.append((known["u"].due - now).total_seconds())
        now = known["u"].due
    assert gaps == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_news_about_a_user_makes_the_looks_begin_anew() -> None:
    known = rechecks.asked_for({}, "u", NOON)
    for _ in range(5):
        known = rechecks.looked_at(known, "u", NOON, LONGEST)
    assert rechecks.due(rechecks.asked_for(known, "u", NOON), NOON) == ["u"]


def test_a_settled_user_is_not_asked_for() -> None:
    known = rechecks.settled(rechecks.asked_for({}, "u", NOON), "u")
    assert rechecks.next_round(known, NOON) is None
    assert rechecks.looked_at(known, "u", NOON, LONGEST) == {}


def test_a_new_concern_is_not_kept_waiting_by_old_ones() -> None:
    known: rechecks.Schedule = {}
    for number in range(9):
        known = rechecks.asked_for(known, f"old-{number}", NOON)
        known = rechecks.looked_at(known, f"old-{number}", NOON, LONGEST)
    later = NOON + timedelta(minutes=1)
    assert rechecks.due(rechecks.asked_for(known, "new", later), later)[0] == "new"


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40))
def test_one_by_one_at_most_600_requests_are_made_in_five_minutes(users: list[str]) -> None:
    known: rechecks.Schedule = {}
    asked, now, last = 0, NOON, NOON - rechecks.ROUND
    for user in users:
        known = rechecks.asked_for(known, user, now)
    while (at := rechecks.next_round(known, last)) is not None and at < NOON + LONGEST:
        now = last = max(at, now)
        round_of = rechecks.due(known, now)[: rechecks.PER_ROUND]
        asked += len(round_of)
        for user in round_of:
            known = rechecks.looked_at(known, user, now, LONGEST)
    assert asked <= 600 + rechecks.PER_ROUND


@given(st.integers(0, 100_000))
def test_listings_for_many_users_stay_within_600_pages_in_five_minutes(accounts: int) -> None:
    pages = 1 + accounts // rechecks.PAGE
    gap = timedelta(seconds=1)
    while not rechecks.calls_for_listing(10_000, accounts, gap):
        gap += timedelta(seconds=1)
    assert pages * LONGEST <= 600 * gap


def test_a_few_users_do_not_call_for_a_listing_of_everybody() -> None:
    assert not rechecks.calls_for_listing(rechecks.PER_ROUND, 1, HOUR)


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


@given(st.integers(0, 1000))
def test_refused_tokens_are_replaced_ever_more_slowly(rejections: int) -> None:
    assert schedule.MINT_GAP <= schedule.mint_gap(rejections) <= schedule.LONGEST_RETRY
    assert schedule.mint_gap(rejections) <= schedule.mint_gap(rejections + 1)


@given(st.floats(0, 0.999))
def test_listings_are_jittered_within_their_interval(dice: float) -> None:
    assert NOON + LONGEST * 0.9 <= schedule.next_listing(NOON, LONGEST, dice) <= NOON + LONGEST
