"""The quota of a runtime, over random runs and refusals."""

from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.quota import THROTTLED_SECONDS, Quota

EIGHTHS = st.integers(8, 480).map(lambda eighths: eighths / 8)
"""Times that floats add without rounding."""
GAPS = st.lists(st.integers(0, 240).map(lambda eighths: eighths / 8), max_size=60)


@given(GAPS, st.integers(0, 5), EIGHTHS)
def test_no_window_ever_holds_more_runs_than_allowed(
    gaps: list[float], runs: int, window_seconds: float
) -> None:
    quota, now, ran = Quota(), 0.0, list[float]()
    quota.share(runs, window_seconds)
    for gap in gaps:
        now += gap
        wait = quota.wait(now)
        if wait == 0:
            quota.ran(now)
            ran.append(now)
        else:
            assert wait <= window_seconds
        inside = [moment for moment in ran if moment + window_seconds > now]
        assert len(inside) == quota.used(now) <= runs


@given(GAPS, st.integers(1, 5))
def test_after_the_wait_it_told_a_run_fits(gaps: list[float], runs: int) -> None:
    quota, now = Quota(), 0.0
    quota.share(runs, 10.0)
    for gap in gaps:
        now += gap
        now += quota.wait(now) + 1e-6
        assert quota.wait(now) == 0
        quota.ran(now)


def test_a_share_made_smaller_holds_at_once() -> None:
    quota = Quota()
    quota.share(4, 10.0)
    for moment in range(4):
        quota.ran(float(moment))
    quota.share(2, 10.0)
    assert quota.wait(4.0) == 8.0  # two must go: the third to leave is that of second 2


def test_without_a_share_nothing_is_counted_or_refused() -> None:
    quota = Quota()
    for _ in range(100_000):
        quota.ran(0.0)
    assert (quota.used(0.0), quota.wait(0.0)) == (0, 0.0)


@given(st.lists(st.tuples(st.floats(0, 20), st.none() | st.floats(0.01, 60)), min_size=1))
def test_nothing_passes_before_the_end_of_any_retry_after(steps: list[tuple[float, float | None]]) -> None:
    quota, now, refused_until = Quota(), 0.0, 0.0
    for gap, wished in steps:
        now += gap
        lasts = quota.throttled(now, wished)
        assert lasts == (THROTTLED_SECONDS if wished is None else wished)
        refused_until = max(refused_until, now + (wished or 0.0))
        assert quota.wait(now) == max(refused_until - now, 0.0)
        assert quota.exhausted(now)


def test_an_answer_to_what_was_sent_before_a_429_does_not_end_it() -> None:
    quota = Quota()
    quota.throttled(0.0, 60.0)
    assert not quota.answered(1.0)
    assert quota.exhausted(1.0)


def test_a_429_without_retry_after_is_ended_by_the_next_answer() -> None:
    quota = Quota()
    quota.throttled(0.0, None)
    assert quota.wait(0.0) == 0
    assert quota.exhausted(1.0)
    assert quota.answered(1.0)
    assert not quota.exhausted(1.0)


def test_what_is_wanted_is_told_once_it_has_grown() -> None:
    quota = Quota()
    quota.refused(0.0, "a")
    assert (quota.wanted(0.0), quota.has_grown) == (0, False), "without a share nobody counts"
    quota.share(1, 10.0)
    quota.ran(0.0, "a")
    quota.refused(0.0, "b")
    assert (quota.wanted(0.0), quota.has_grown) == (2, True)
    quota.told_demand = 2
    assert not quota.has_grown
    assert quota.wanted(30.0) == 0
