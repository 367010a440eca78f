"""The ledger of connections, over random histories of callers, openings and losses."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipewise_runtime.core.ledger import Action, Close, Fail, Grant, Ledger, Open

LIMIT, IDLE_SECONDS = 3, 4.0


class _Histories(RuleBasedStateMachine):
    """What a host may do to its ledger; every action the ledger asks for is checked against what is known."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ledger = Ledger(LIMIT, IDLE_SECONDS)
        self.names = iter(range(1_000_000))
        self.waiting: set[int] = set()
        self.answered: set[int] = set()
        self.opening: list[int] = []
        self.holders: dict[str, int] = {}
        self.idle: set[str] = set()
        self.closed: list[str] = []

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Open(caller=int() as caller):
                    assert caller not in self.opening
                    self.opening.append(caller)
                case Grant(caller=int() as caller, connection=str() as connection):
                    assert connection not in self.holders, "granted twice"
                    self.idle.discard(connection)
                    self.answer(caller)
                    self.holders[connection] = caller
                case Fail(caller=int() as caller):
                    self.answer(caller)
                case Close(connection=str() as connection):
                    assert connection in self.idle, "closed under its holder"
                    self.idle.remove(connection)
                    self.closed.append(connection)

    def answer(self, caller: int) -> None:
        assert caller in self.waiting, "answered twice, or after it withdrew"
        self.waiting.remove(caller)

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_caller_comes(self) -> None:
        caller = next(self.names)
        self.waiting.add(caller)
        self.do(self.ledger.wants(caller, self.now))

    @rule()
    def a_caller_is_lent_one_at_once(self) -> None:
        connection = self.ledger.lend(self.now)
        if connection is None:
            assert all(self.now - since >= IDLE_SECONDS for _, since in self.ledger._idle)
        else:
            assert connection in self.idle, "lent while another holds it"
            self.idle.remove(str(connection))
            self.holders[str(connection)] = next(self.names)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_caller_withdraws(self, data: st.DataObject) -> None:
        caller = data.draw(st.sampled_from(sorted(self.waiting)))
        self.waiting.remove(caller)
        self.ledger.withdraws(caller)
        self.ledger.withdraws(caller)

    @precondition(lambda self: self.opening)
    @rule(data=st.data(), opens=st.booleans())
    def an_opening_ends(self, data: st.DataObject, *, opens: bool) -> None:
        caller = self.opening.pop(data.draw(st.integers(0, len(self.opening) - 1)))
        if opens:
            connection = f"connection {next(self.names)}"
            self.idle.add(connection)
            self.do(self.ledger.opened(caller, connection, self.now))
        else:
            self.do(self.ledger.not_opened(caller))

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def a_holder_is_done(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(sorted(self.holders)))
        del self.holders[connection]
        self.idle.add(connection)
        self.do(self.ledger.returned(connection, self.now))

    @precondition(lambda self: self.holders or self.idle)
    @rule(data=st.data())
    def a_connection_is_lost(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(sorted([*self.holders, *self.idle])))
        self.holders.pop(connection, None)
        self.idle.discard(connection)
        self.do(self.ledger.lost(connection))
        assert self.ledger.returned(connection, self.now) == []

    @precondition(lambda self: self.closed)
    @rule()
    def the_end_of_a_closed_one_is_told(self) -> None:
        self.do(self.ledger.lost(self.closed.pop()))

    @rule()
    def idle_ones_expire(self) -> None:
        self.do(self.ledger.expired(self.now))
        assert all(self.now - since < IDLE_SECONDS for _, since in self.ledger._idle)

    @invariant()
    def it_counts_what_there_is_and_never_more_than_the_limit(self) -> None:
        there = len(self.holders) + len(self.idle) + len(self.opening)
        assert len(self.ledger) == there <= LIMIT
        assert repr(self.ledger) == (
            f"<{len(self.holders)} leased, {len(self.idle)} idle, {len(self.opening)} opening,"
            f" {len(self.waiting)} waiting of at most {LIMIT}>"
        )

    @invariant()
    def nobody_waits_while_there_is_capacity(self) -> None:
        assert not (self.waiting and self.idle)
        there = len(self.holders) + len(self.opening)
        assert there == LIMIT or len(self.opening) >= len(self.waiting)

    def teardown(self) -> None:
        """Everybody who waits is served in the end."""
        rounds = 0
        while self.waiting:
            rounds += 1
            assert rounds < 10_000, "somebody waits for ever"
            if self.opening:
                caller = self.opening.pop()
                connection = f"connection {next(self.names)}"
                self.idle.add(connection)
                self.do(self.ledger.opened(caller, connection, self.now))
            else:
                connection = next(iter(self.holders))
                del self.holders[connection]
                self.idle.add(connection)
                self.do(self.ledger.returned(connection, self.now))


TestHistories = _Histories.TestCase
TestHistories.settings = settings(max_examples=200, stateful_step_count=80)


def test_the_end_of_a_closed_connection_opens_none_beyond_the_limit() -> None:
    ledger = Ledger(1, IDLE_SECONDS)
    assert ledger.wants("first", 0.0) == [Open("first")]
    assert ledger.opened("first", "old", 0.0) == [Grant("first", "old")]
    assert ledger.returned("old", 0.0) == []
    assert ledger.wants("second", IDLE_SECONDS) == [Close("old"), Open("second")]
    assert ledger.wants("third", IDLE_SECONDS) == []
    assert ledger.lost("old") == []
    assert ledger.opened("second", "new", IDLE_SECONDS) == [Grant("second", "new")]
    assert ledger.returned("new", IDLE_SECONDS) == [Grant("third", "new")]


@pytest.mark.parametrize("callers", [1, 10])
def test_a_connection_that_nobody_waits_for_any_more_lies_idle_for_the_next(callers: int) -> None:
    ledger = Ledger(LIMIT, IDLE_SECONDS)
    assert ledger.wants("first", 0.0) == [Open("first")]
    ledger.withdraws("first")
    assert ledger.opened("first", "connection", 0.0) == []
    for caller in range(callers):
        assert ledger.wants(caller, 1.0) == [Grant(caller, "connection")]
        assert ledger.returned("connection", 1.0) == []
