"""How the users of one runtime share its runs, over random histories and against a greedy user."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_runtime.core.fairness import Demand
from pipewise_runtime.core.quota import Quota

USERS = "abcd"
WINDOW = 16.0


def fair_part(wanted: dict[str, int], runs: int) -> float:
    """The level of max-min fairness: what whoever wants most may have."""
    left, level = float(runs), 0.0
    for place, each in enumerate(sorted(wanted.values())):
        level = left / (len(wanted) - place)
        if each > level:
            return level
        left -= each
    return float("inf")


@given(st.lists(st.tuples(st.sampled_from(USERS), st.booleans()), max_size=60), st.integers(1, 12))
def test_whoever_had_less_than_the_fair_part_has_room_and_nobody_else(
    history: list[tuple[str, bool]], runs: int
) -> None:
    demand, ran, refused = Demand(), dict.fromkeys(USERS, 0), dict.fromkeys(USERS, 0)
    for user, was_run in history:
        if was_run:
            demand.ran(user)
            ran[user] += 1
        else:
            demand.refused(user, 0.0, WINDOW)
            refused[user] += 1
    wanted = {user: ran[user] + refused[user] for user in USERS if ran[user] + refused[user]}
    assert demand.wanted == sum(wanted.values())
    for user in USERS:
        asked = {**wanted, user: max(wanted.get(user, 0), ran[user] + 1)}
        level = fair_part(asked, runs)
        if ran[user] >= level:
            assert not demand.has_room(user, runs)
        elif all(had <= int(min(level, 99)) for had in ran.values()) and ran[user] + 1 <= level:
            assert demand.has_room(user, runs)


RATES = st.lists(st.integers(0, 4), min_size=1, max_size=4)


@settings(max_examples=100)
@given(RATES, st.integers(1, 20), st.integers())
def test_nobody_gets_less_than_an_equal_part_unless_it_wants_less(
    rates: list[int], runs: int, seed: int
) -> None:
    quota, windows, dice = Quota(), 4, random.Random(seed)  # noqa: S311 - the order of callers
    quota.share(runs, WINDOW)
    ran: list[tuple[int, int]] = []
    for tick in range(int(WINDOW) * windows):
        asking = [user for user, rate in enumerate(rates) for _ in range(rate)]
        dice.shuffle(asking)
        for user in asking:
            if quota.wait(tick, str(user)):
                quota.refused(tick, str(user))
            else:
                quota.ran(tick, str(user))
                ran.append((tick, user))
        assert quota.used(tick) <= runs
    last = [user for tick, user in ran if tick >= WINDOW * (windows - 1)]
    active = sum(1 for rate in rates if rate)
    for user, rate in enumerate(rates):
        if rate:
            assert last.count(user) >= min(int(rate * WINDOW), runs // active)


@given(st.integers(1, 50), st.lists(st.integers(0, 4), min_size=1, max_size=80))
def test_a_lone_user_may_use_everything(runs: int, gaps: list[int]) -> None:
    quota, now = Quota(), 0
    quota.share(runs, WINDOW)
    for gap in gaps:
        now += gap
        has_room = quota.used(now) < runs
        assert (quota.wait(now, "alone") == 0) == has_room
        if has_room:
            quota.ran(now, "alone")
        else:
            quota.refused(now, "alone")


def test_who_comes_late_gets_what_a_greedy_user_gives_back_until_both_have_the_same() -> None:
    quota = Quota()
    quota.share(10, WINDOW)
    for _ in range(10):
        quota.ran(0.0, "greedy")
    for _ in range(20):
        assert quota.wait(1.0, "late") > 0
        quota.refused(1.0, "late")
    taken = dict.fromkeys(("greedy", "late"), 0)
    for user in ("greedy",) * 10 + ("late",) * 10:
        if quota.wait(WINDOW, user) == 0:
            quota.ran(WINDOW, user)
            taken[user] += 1
    assert taken == {"greedy": 5, "late": 5}


def test_what_was_wanted_is_forgotten_in_time() -> None:
    quota = Quota()
    quota.share(4, WINDOW)
    for _ in range(6):
        quota.refused(0.0, "gone")
    quota.ran(1.0, "here")
    assert quota.wanted(1.0) == 7
    assert quota.wanted(WINDOW + 1.0) == 6
    assert quota.wanted(WINDOW * 1.5) == 0
    assert not quota._demand._wanted_by
