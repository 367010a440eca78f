"""What is remembered of tokens and rights, over random histories of reviews and outages."""

from dataclasses import dataclass
from math import inf

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipewise_runtime.core.access import (
    EVERY,
    GRANTED_SECONDS,
    REFUSED_SECONDS,
    UNASKED_SECONDS,
    Access,
    Denied,
    Kept,
    Memory,
    Reason,
    digest_of,
)
from support.memory_reviews import ACCOUNT

LIVES = {b"one": 30.0, b"two": 700.0, b"three": inf}
"""When each token expires."""
HOLDERS = st.sampled_from(sorted(LIVES))
BINDINGS = st.sampled_from(["a", "b", EVERY])
PAUSE = 2.0


@dataclass
class _Heard:
    """What the API server last said, and when."""

    at: float = -inf
    is_good: bool = False


class _Histories(RuleBasedStateMachine):
    """Reviews come and go, the API server is away at times, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.access = Access(most=8)
        self.tokens: dict[bytes, _Heard] = {}
        self.rights: dict[tuple[bytes, str], _Heard] = {}

    def _last(self, holder: bytes, binding: str) -> list[_Heard]:
        """What was said last of the binding and of all bindings."""
        return [self.rights.get((holder, name), _Heard()) for name in {binding, EVERY}]

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(holder=HOLDERS)
    def a_token_is_accepted(self, holder: bytes) -> None:
        if self.now < LIVES[holder]:
            self.access.recognise(holder, ACCOUNT, self.now, LIVES[holder] - self.now)
            self.tokens[holder] = _Heard(self.now, is_good=True)

    @rule(holder=HOLDERS)
    def a_token_is_refused(self, holder: bytes) -> None:
        if self.access.account(holder, self.now) is None:
            self.access.reject(holder, Denied(Reason.INVALID), self.now)
            self.tokens[holder] = _Heard(self.now)
            assert not self.access.stands(holder, "a", self.now, PAUSE)

    @rule(holder=HOLDERS, binding=BINDINGS)
    def a_right_is_confirmed(self, holder: bytes, binding: str) -> None:
        if self.access.account(holder, self.now):
            self.access.grant(holder, binding, self.now)
            self.rights[holder, binding] = _Heard(self.now, is_good=True)
            assert self.access.allows(holder, binding, self.now)

    @rule(holder=HOLDERS, binding=BINDINGS)
    def a_right_is_missing(self, holder: bytes, binding: str) -> None:
        self.access.deny(holder, binding, Denied(Reason.NO_RIGHT, ACCOUNT), self.now)
        self.rights[holder, binding] = _Heard(self.now)
        assert not self.access.allows(holder, binding, self.now)
        assert self.access.denial(holder, binding, self.now)

    @rule(holder=HOLDERS, binding=BINDINGS)
    def all_bindings_may_be_used_and_so_may_one(self, holder: bytes, binding: str) -> None:
        if self.access.inherits(holder, binding, self.now):
            assert self.access.allows(holder, binding, self.now)
            self.rights.setdefault((holder, binding), _Heard())

    @rule(holder=HOLDERS, binding=BINDINGS)
    def nobody_can_be_asked(self, holder: bytes, binding: str) -> None:
        stood = self.access.stands(holder, binding, self.now, PAUSE)
        if stood:
            token = self.tokens[holder]
            assert token.is_good
            assert self.now < min(LIVES[holder], token.at + UNASKED_SECONDS)
            assert any(heard.is_good for heard in self._last(holder, binding))
            assert self.access.allows(holder, binding, self.now)

    @invariant()
    def no_right_outlives_its_token_or_its_time(self) -> None:
        for holder, binding in self.rights:
            if self.access.allows(holder, binding, self.now):
                token = self.tokens[holder]
                assert self.now < LIVES[holder]
                assert self.now < token.at + (UNASKED_SECONDS if token.is_good else PAUSE)

    @invariant()
    def no_refusal_outlives_its_time(self) -> None:
        for (holder, binding), heard in self.rights.items():
            denied = self.access.denial(holder, binding, self.now)
            if denied and denied.reason is Reason.NO_RIGHT:
                assert self.now < heard.at + REFUSED_SECONDS

    @invariant()
    def little_is_remembered(self) -> None:
        assert len(self.access) <= 3 * 8


TestHistories = _Histories.TestCase


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 100))), st.integers(1, 5))
def test_the_latest_are_remembered(puts: list[tuple[int, float]], most: int) -> None:
    memory: Memory[int, float] = Memory(most)
    for key, value in puts:
        memory.put(key, Kept(value, inf, inf))
    latest = dict(reversed(list(dict.fromkeys(reversed([key for key, _ in puts])).items())))
    wanted = list(latest)[-most:]
    assert len(memory) == len(wanted)
    values = dict(puts)
    assert all((kept := memory.fresh(key, 0)) and kept.value == values[key] for key in wanted)


def test_beyond_the_limit_what_was_put_first_is_forgotten_first() -> None:
    memory: Memory[str, int] = Memory(2)
    for number, key in enumerate("abac"):
        memory.put(key, Kept(number, inf, inf))
    assert [key for key in "abc" if memory.fresh(key, 0)] == ["a", "c"]


def test_a_right_is_relied_on_for_a_minute_unless_its_token_expires_before() -> None:
    access = Access()
    for holder, life, until in ((b"long", 3600.0, GRANTED_SECONDS), (b"short", 10.0, 10.0)):
        access.recognise(holder, ACCOUNT, 0, life)
        access.grant(holder, "a", 0)
        assert access.allows(holder, "a", until - 0.01)
        assert not access.allows(holder, "a", until)
    assert not access.stands(b"short", "a", 10.0, PAUSE)
    assert access.stands(b"long", "a", UNASKED_SECONDS - 1, PAUSE)
    assert not access.allows(b"long", "a", UNASKED_SECONDS)
    assert not access.stands(b"long", "a", UNASKED_SECONDS, PAUSE)


def test_what_was_inherited_stands_only_while_the_right_to_all_does() -> None:
    access = Access()
    access.recognise(b"one", ACCOUNT, 0, inf)
    access.grant(b"one", EVERY, 0)
    assert access.inherits(b"one", "a", 0)
    assert access.stands(b"one", "a", 100, PAUSE)
    access.deny(b"one", EVERY, Denied(Reason.NO_RIGHT, ACCOUNT), 100)
    assert not access.stands(b"one", "a", 103, PAUSE)


def test_a_right_confirmed_after_its_token_has_expired_is_of_no_use() -> None:
    access = Access()
    access.recognise(b"one", ACCOUNT, 0, 10.0)
    access.grant(b"one", "a", 10.0)
    assert not access.allows(b"one", "a", 10.0)
    assert not access.stands(b"one", "a", 10.0, PAUSE)


def test_a_digest_says_nothing_of_its_token() -> None:
    assert digest_of(b"secret") == digest_of(b"secret") != digest_of(b"secret2")
    assert len(digest_of(b"secret")) == 32
