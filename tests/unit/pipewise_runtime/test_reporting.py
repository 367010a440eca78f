"""When reports are written, over random histories of changes, failures and time."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.reporting import (
    LEAST_BETWEEN_SECONDS,
    LEAST_DEMAND,
    LONGEST_BACKOFF_SECONDS,
    Schedule,
    coarse_demand,
    is_news,
)

INTERVAL = 60.0
STEPS = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from(["change", "urgent", "nothing"]), st.booleans()), max_size=60
)


@dataclass(frozen=True)
class Write:
    """One try to write a report."""

    at: float
    was_urgent: bool
    failed: bool


def written_by(steps: list[tuple[float, str, bool]]) -> tuple[list[Write], Schedule, float]:
    """Follow a schedule through a history: (seconds until the next event, the event, whether writes work)."""
    schedule, now, writes = Schedule(INTERVAL), 0.0, []
    for pause, event, works in steps:
        end = now + pause
        while (due := schedule.due_at(now)) <= end:
            now = max(now, due)
            writes.append(Write(now, schedule.is_urgent, not works))
            schedule = schedule.written(now) if works else schedule.failed(now, 0.5)
        now = end
        if event != "nothing":
            schedule = schedule.changed(urgent=event == "urgent")
    return writes, schedule, now


@given(STEPS)
def test_two_writes_are_a_second_apart_unless_the_later_is_urgent(
    steps: list[tuple[float, str, bool]],
) -> None:
    writes, _, _ = written_by(steps)
    good = [write for write in writes if not write.failed]
    for earlier, later in pairwise(good):
        assert later.was_urgent or later.at - earlier.at >= LEAST_BETWEEN_SECONDS - 1e-9


@given(STEPS)
def test_while_writes_work_every_change_is_written_within_a_second(
    steps: list[tuple[float, str, bool]],
) -> None:
    working = [(pause, event, True) for pause, event, _ in steps]
    writes, schedule, now = written_by(working)
    if schedule.has_news and writes:
        assert schedule.due_at(now) <= now + LEAST_BETWEEN_SECONDS
    for earlier, later in pairwise(writes):
        assert later.at - earlier.at <= INTERVAL + 1e-6


@given(STEPS)
def test_after_failures_the_next_try_is_never_further_than_the_longest_pause(
    steps: list[tuple[float, str, bool]],
) -> None:
    failing = [(pause, event, False) for pause, event, _ in steps]
    _, schedule, now = written_by(failing)
    assert schedule.due_at(now) <= now + LONGEST_BACKOFF_SECONDS


def test_the_first_change_after_a_quiet_second_is_written_at_once() -> None:
    schedule = Schedule(INTERVAL).written(10.0)
    assert schedule.changed().due_at(11.5) <= 11.5


def test_a_second_change_waits_for_the_second_to_pass() -> None:
    assert Schedule(INTERVAL).written(10.0).changed().due_at(10.2) == 11.0


def test_urgent_news_does_not_wait() -> None:
    assert Schedule(INTERVAL).written(10.0).changed(urgent=True).due_at(10.2) == 10.2


def test_without_changes_a_report_is_due_once_an_interval() -> None:
    schedule = Schedule(INTERVAL).written(10.0)
    assert schedule.due_at(11.0) == 70.0
    assert not schedule.is_periodic(69.9)
    assert schedule.is_periodic(70.0)


def test_a_change_that_is_no_news_leaves_the_interval_as_it_was() -> None:
    assert Schedule(INTERVAL).written(10.0).changed().nothing_new().due_at(12.0) == 70.0


BASE: dict[str, Any] = {"syncedThrough": "5", "sessions": 1, "bindings": 2, "exceptions": []}
MET = {"binding": "b", "service": "s", "verdict": "CredentialInvalid", "lastSeen": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("now", "moved", "expected"),
    [
        (BASE, True, False),
        ({**BASE, "sessions": 9}, False, False),
        ({**BASE, "reportTime": "2026-01-01T00:00:00Z"}, False, False),
        ({**BASE, "syncedThrough": "6"}, False, False),
        ({**BASE, "syncedThrough": "6"}, True, True),
        ({**BASE, "bindings": 3}, False, True),
        ({**BASE, "exceptions": [MET]}, False, True),
    ],
)
def test_news_is_what_an_operator_acts_on(now: dict[str, Any], *, moved: bool, expected: bool) -> None:
    assert is_news(BASE, now, bindings_moved=moved) is expected


def test_that_an_exception_was_met_again_is_no_news() -> None:
    before = {**BASE, "exceptions": [MET]}
    after = {**BASE, "exceptions": [{**MET, "lastSeen": "2026-01-01T00:00:09Z"}]}
    assert not is_news(before, after, bindings_moved=False)


def test_the_first_report_is_news() -> None:
    assert is_news(None, BASE, bindings_moved=False)


@given(st.lists(st.integers(0, 5000)))
def test_demand_is_told_coarsely_and_never_too_small(numbers: list[int]) -> None:
    told = 0
    for wanted in numbers:
        told = coarse_demand(told, wanted)
        assert wanted <= told < max(4 * wanted, LEAST_DEMAND + 1)
        assert coarse_demand(told, wanted) == told


def test_a_demand_that_goes_up_and_down_a_little_is_told_once() -> None:
    told, seen = 0, set[int]()
    for wanted in (200, 260, 250, 300, 240, 511, 129):
        told = coarse_demand(told, wanted)
        seen.add(told)
    assert seen == {256, 512}
    assert coarse_demand(512, 128) == 128
    assert coarse_demand(128, 0) == 0
