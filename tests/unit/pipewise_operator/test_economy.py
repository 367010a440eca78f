"""Which news of a status can wait."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

from pipewise_crds import RuntimeCounts
from pipewise_operator.desired.economy import COUNTS_GAP, waits_until
from pipewise_operator.judge.binding import judge
from pipewise_operator.judge.evidence import Evidence
from support.judging import NOON, evidence, evidences, runtime

WELL = judge(evidence())


def test_new_counts_alone_wait_for_half_a_minute_after_the_last_write() -> None:
    more = judge(evidence(runtimes=(runtime(), replace(runtime(), name="r2", ready=False))))
    assert more.runtimes == RuntimeCounts(ready=1, total=2)
    assert waits_until(WELL, more, NOON) == NOON + COUNTS_GAP
    assert waits_until(WELL, more, None) is None


def test_nothing_new_does_not_wait() -> None:
    assert waits_until(WELL, WELL, NOON) is None


@given(evidences())
def test_whatever_changes_the_verdict_is_told_at_once(found: Evidence) -> None:
    after = judge(replace(found, now=NOON + timedelta(hours=1)))
    if after.conditions != WELL.conditions:
        assert waits_until(WELL, after, NOON) is None
