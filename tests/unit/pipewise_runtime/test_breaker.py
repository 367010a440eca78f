"""The circuit breaker, over random histories of calls and probes."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipewise_runtime.core.breaker import Breaker, Probe


class _Histories(RuleBasedStateMachine):
    """Calls succeed and fail, probes begin, end late or never, and time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(failures_to_open=3, open_for_seconds=5.0)
        self.under_way: list[Probe] = []
        self.current: Probe | None = None
        self.was_open = False
        self.failed_in_a_row = 0

    @rule(seconds=st.floats(0, 10))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_succeeds(self) -> None:
        self.breaker.succeeded()
        if not self.breaker.open:
            self.failed_in_a_row = 0
        assert self.breaker.open == self.was_open, "a user's call changed an open breaker"

    @rule()
    def a_call_fails(self) -> None:
        self.breaker.failed(self.now)
        self.failed_in_a_row += 1
        if not self.breaker.open:
            assert self.breaker.awaits_probe

    @rule()
    def a_probe_is_asked_for(self) -> None:
        self.breaker.ask_for_probe(self.now)
        assert self.breaker.awaits_probe

    @rule()
    def a_probe_begins_if_due(self) -> None:
        due = self.breaker.probe_at()
        probe = self.breaker.begin_probe(self.now)
        assert (probe is not None) == (due is not None and due <= self.now)
        if probe:
            assert self.breaker.begin_probe(self.now) is None, "two probes at once"
            assert self.breaker.probe_at() is None
            self.under_way.append(probe)
            self.current = probe

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), ok=st.booleans())
    def a_probe_ends(self, data: st.DataObject, *, ok: bool) -> None:
        probe = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        is_stale = probe.generation != self.breaker._generation
        before = repr(self.breaker)
        self.breaker.probed(probe, ok=ok, now=self.now)
        if is_stale:
            assert repr(self.breaker) == before, "a probe from before counted"
        elif ok and not self.breaker.open:
            assert not self.breaker.awaits_probe
            self.was_open = False
            self.failed_in_a_row = self.breaker.failures
        elif not ok:
            self.failed_in_a_row += 1
            assert self.breaker.awaits_probe

    @precondition(lambda self: self.under_way)
    @rule(seconds=st.floats(0, 5))
    def a_probe_says_nothing(self, seconds: float) -> None:
        probe = self.under_way.pop()
        is_stale = probe.generation != self.breaker._generation
        self.breaker.abandoned(probe, self.now + seconds)
        if not is_stale:
            assert self.breaker.probe_at() == self.now + seconds

    @invariant()
    def it_closes_only_through_a_probe(self) -> None:
        assert self.breaker.open or not self.was_open, "closed by something else than a probe"
        self.was_open = self.breaker.open

    @invariant()
    def it_opens_only_after_failures_in_a_row(self) -> None:
        if self.breaker.open:
            assert self.failed_in_a_row >= 3
        else:
            assert self.breaker.failures < 3

    @invariant()
    def the_wait_is_bounded(self) -> None:
        wait = self.breaker.retry_after(self.now)
        assert 0 <= wait <= 5.0 + 1e-9
        assert self.breaker.open or wait == 0

    @invariant()
    def an_open_breaker_always_waits_for_a_probe(self) -> None:
        assert self.breaker.awaits_probe or not self.breaker.open


TestHistories = _Histories.TestCase


@given(st.integers(1, 100))
def test_it_opens_at_the_last_failure_of_the_row_and_not_before(failures: int) -> None:
    breaker = Breaker(failures)
    for _ in range(failures - 1):
        breaker.failed(0.0)
    assert not breaker.open
    breaker.failed(0.0)
    assert breaker.open
    assert breaker.retry_after(1.0) == 4.0


def test_a_failed_probe_keeps_it_open_for_another_turn() -> None:
    breaker = Breaker(failures_to_open=1)
    breaker.failed(0.0)
    probe = breaker.begin_probe(5.0)
    assert probe
    breaker.probed(probe, ok=False, now=6.0)
    assert breaker.open
    assert breaker.retry_after(6.0) == 5.0


def test_asking_while_a_probe_is_under_way_does_not_hurry_the_next_one() -> None:
    breaker = Breaker()
    breaker.ask_for_probe(0.0)
    probe = breaker.begin_probe(0.0)
    assert probe
    breaker.ask_for_probe(1.0)
    breaker.probed(probe, ok=False, now=10.0)
    assert breaker.probe_at() == 11.0


def test_time_zero_is_a_time_like_any_other() -> None:
    breaker = Breaker()
    breaker.failed(0.0)
    breaker.failed(3.0)
    assert breaker.probe_at() == 0.0


def test_an_open_breaker_heeds_neither_a_success_nor_a_probe_that_began_before_it_opened() -> None:
    breaker = Breaker(failures_to_open=1, open_for_seconds=5.0)
    breaker.ask_for_probe(0.0)
    early = breaker.begin_probe(0.0)
    assert early
    breaker.failed(0.0)
    breaker.succeeded()
    breaker.probed(early, ok=True, now=1.0)
    breaker.abandoned(early, again_at=2.0)
    assert breaker.open
    assert breaker.probe_at() == 5.0
