"""The judge of the chaos test: each lie is found, and no truth is taken for one."""

import pytest

from chaos.calls import (
    Answer,
    Asked,
    Broken,
    Call,
    Cancelled,
    Failed,
    Left,
    NotServed,
    Odd,
    Run,
    Silent,
    Succeeded,
    ToolFailed,
)
from chaos.judge import REPEATED, UNANSWERED, WRONG, Away, Violation, Window, judged, last_trouble, promises

NOT_RUN = Failed("not_run", "UpstreamUnavailable", 1)
UNKNOWN = Failed("unknown", "UpstreamUnavailable", 1)
FAILED = Failed("failed", "UpstreamUnavailable", 4)
AWAY = [Away(99.0, 101.0)]


def call(answer: Answer, *, writes: bool = True, seconds: float = 0.1, begun: float = 100.0) -> Call:
    return Call(Asked("m", "user-1", "sendgrid", "tool", writes, {}, 3.0), begun, seconds, answer)


def ran(times: int) -> list[Run]:
    return [Run("m", effect=True, at=100.0)] * times


def broken(made: Call, times: int) -> list[str]:
    return [violation.promise for violation in judged([made], ran(times), AWAY)]


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (Succeeded(), 1),
        (NOT_RUN, 0),
        (UNKNOWN, 0),
        (UNKNOWN, 1),
        (NotServed(-32010, "no binding"), 0),
        (ToolFailed("Internal error"), 1),
        (ToolFailed("Internal error"), 0),
        (Cancelled(), 1),
        (Left(), 1),
        (Broken("reset"), 1),
    ],
)
def test_a_true_answer_to_a_write_breaks_no_promise(answer: Answer, times: int) -> None:
    assert broken(call(answer), times) == []


@pytest.mark.parametrize(
    ("answer", "times", "promise"),
    [
        (Succeeded(), 0, WRONG),
        (NOT_RUN, 1, WRONG),
        (NotServed(-32010, "no binding"), 1, WRONG),
        (FAILED, 0, WRONG),
        (Failed("perhaps", "UpstreamUnavailable", 1), 0, WRONG),
        (Odd("<html>"), 0, WRONG),
        (Succeeded(), 2, REPEATED),
        (UNKNOWN, 2, REPEATED),
        (Left(), 2, REPEATED),
        (Broken("reset"), 3, REPEATED),
        (Silent(), 0, UNANSWERED),
    ],
)
def test_a_lie_about_a_write_is_found(answer: Answer, times: int, promise: str) -> None:
    assert broken(call(answer), times) == [promise]


@pytest.mark.parametrize(
    ("answer", "times", "promises_broken"),
    [
        (Succeeded(), 3, []),
        (FAILED, 4, []),
        (NOT_RUN, 0, []),
        (NOT_RUN, 1, [WRONG]),
        (UNKNOWN, 0, [WRONG]),
        (Succeeded(), 0, [WRONG]),
    ],
)
def test_a_read_may_run_again_and_is_never_of_unknown_fate(
    answer: Answer, times: int, promises_broken: list[str]
) -> None:
    assert broken(call(answer, writes=False), times) == promises_broken


def test_an_answer_a_second_after_its_deadline_is_late() -> None:
    assert broken(call(Succeeded(), seconds=3.99), 1) == []
    assert broken(call(Succeeded(), seconds=4.01), 1) == [UNANSWERED]


def test_a_connection_may_break_only_while_the_runtime_is_away() -> None:
    assert broken(call(Broken("reset"), begun=98.0, seconds=0.9), 0) == [UNANSWERED]
    assert broken(call(Broken("reset"), begun=98.0, seconds=1.0), 0) == []
    assert broken(call(Broken("reset"), begun=101.1), 0) == [UNANSWERED]


def test_who_is_told_to_stop_owes_an_answer_to_what_was_asked_before() -> None:
    draining = [Away(99.0, 101.0, drains=True)]
    owed, on_its_way = (call(Broken("reset"), begun=begun, seconds=1) for begun in (98.7, 98.8))
    assert [found.promise for found in judged([owed], [], draining)] == [UNANSWERED]
    assert judged([owed], [], AWAY) == judged([on_its_way], [], draining) == []


def test_an_execution_nobody_asked_for_is_found() -> None:
    found = judged([], ran(1), [])
    assert found == [Violation(WRONG, "m", "ran though nobody asked")]
    assert promises(found) == {REPEATED: 0, UNANSWERED: 0, WRONG: 1}


def test_trouble_lasts_until_the_last_failure_begun_after_the_faults() -> None:
    calls = [
        call(NOT_RUN, begun=9.9, seconds=5),
        call(NOT_RUN, begun=10.5, seconds=1),
        call(Succeeded(), begun=12, seconds=1),
        call(NOT_RUN, begun=20.5),
    ]
    assert last_trouble(calls, Window(10, 20)) == pytest.approx(1.5)
    assert last_trouble(calls[2:], Window(10, 20)) == 0
