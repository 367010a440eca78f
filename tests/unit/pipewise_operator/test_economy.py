"""Which news of a status can wait."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

from pipewise_crds import BindingStatus, ConditionType, RuntimeCounts
from pipewise_operator.desired.economy import COUNTS_GAP, waits_until
from pipewise_operator.judge.binding import judge
from pipewise_operator.judge.conditions import find
from pipewise_operator.judge.evidence import Evidence
from support.judging import NOON, evidence, evidences, runtime

WELL = judge(evidence())


def verdicts(status: BindingStatus) -> list[tuple[str, str, str]]:
    return [(each.type, each.status, each.reason) for each in status.conditions]


def test_the_number_of_runtimes_is_told_in_words_where_one_serves() -> None:
    for runtimes, words in (((runtime(),), "1 of 1 runtimes ready"), ((), "no runtime serves")):
        condition = find(judge(evidence(runtimes=runtimes)).conditions, ConditionType.RUNTIME_AVAILABLE)
        assert condition is not None
        assert condition.message.startswith(words)


def test_new_counts_alone_wait_for_half_a_minute_after_the_last_write() -> None:
    more = judge(evidence(runtimes=(runtime(), replace(runtime(), name="r2", ready=False))))
    assert more.runtimes == RuntimeCounts(ready=1, total=2)
    assert "1 of 2 runtimes ready" in [each.message for each in more.conditions]
    assert waits_until(WELL, more, NOON) == NOON + COUNTS_GAP
    assert waits_until(WELL, more, None) is None


def test_nothing_new_does_not_wait() -> None:
    assert waits_until(WELL, WELL, NOON) is None


@given(evidences())
def test_whatever_changes_the_verdict_is_told_at_once(found: Evidence) -> None:
    after = judge(replace(found, now=NOON + timedelta(hours=1)))
    if verdicts(after) != verdicts(WELL):
        assert waits_until(WELL, after, NOON) is None
