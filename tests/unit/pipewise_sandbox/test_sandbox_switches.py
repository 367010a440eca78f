"""Faults, limits, accounts and connect tokens: the pure state behind the sandbox's switches."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given, settings

from pipewise_sandbox.accounts import Accounts, Health, Place
from pipewise_sandbox.connect_tokens import EXPIRED, INVALID, ConnectTokens, Grant
from pipewise_sandbox.faults import Fault, Faults, Occasion
from pipewise_sandbox.limits import Limits

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEVELOPMENT = Place("proj_demo", "development")
CALL = Occasion("tools/call", "sendgrid", "ada", "sendgrid-create-send")


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 25))
def test_faults_are_spent_in_order_and_to_the_last_hit(times: list[int], requests: int) -> None:
    faults = Faults()
    for number, hits in enumerate(times):
        faults.add(Fault(kind="status", status=500 + number, times=hits))
    statuses = [500 + number for number, hits in enumerate(times) for _ in range(hits)]
    taken = [faults.take(CALL).decisive for _ in range(requests)]
    met = [fault.status for fault in taken if fault is not None]
    assert met == statuses[:requests]


def test_delays_add_up_and_leave_the_decision_to_another_fault() -> None:
    faults = Faults()
    for seconds in (1, 2):
        faults.add(Fault(kind="delay", seconds=seconds))
    faults.add(Fault(kind="hang"))
    taken = faults.take(CALL)
    assert taken.delay_seconds("before") == 3
    assert taken.decisive is not None
    assert taken.decisive.kind == "hang"


def test_a_fault_without_a_method_hits_mcp_only_where_its_kind_makes_sense() -> None:
    def hit(kind: str, method: str) -> bool:
        return Fault.model_validate({"kind": kind}).hits(Occasion(method))

    assert hit("status", "tools/list")
    assert not hit("status", "rest:accounts")
    assert not hit("status", "webhook")
    assert not hit("quota", "tools/list")
    assert not hit("session_lost", "initialize")
    assert hit("webhook_lost", "webhook")
    assert Fault(kind="status", method="rest:*").hits(Occasion("rest:users"))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=40).map(sorted),
    st.integers(1, 5),
)
def test_no_window_ever_holds_more_hits_than_the_limit(times: list[int], limit: int) -> None:
    limits, window = Limits(), 2.0
    let_in = []
    for now in times:
        wait = limits.hit(("key",), limit, window, now)
        if wait is None:
            let_in.append(now)
        else:
            assert 0 < wait <= window
        assert limits.used(("key",), window, now) <= limit
        assert sum(now - window < each <= now for each in let_in) <= limit


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6))
def test_a_call_goes_through_the_first_usable_account(states: list[tuple[bool, bool]]) -> None:
    accounts = Accounts()
    made = []
    for healthy, dead in states:
        account = accounts.add(DEVELOPMENT, "ada", "sendgrid", NOW)
        made.append(accounts.change(account.id, Health(healthy, dead), NOW))
    usable = [account for account in made if account is not None and account.healthy and not account.dead]
    used = accounts.used_for(DEVELOPMENT, "ada", "sendgrid")
    assert used == (usable[0] if usable else None)
    assert accounts.used_for(DEVELOPMENT, "bob", "sendgrid") is None
    assert accounts.used_for(Place("proj_demo", "production"), "ada", "sendgrid") is None
    for account in made:
        if account is not None:
            pinned = accounts.used_for(DEVELOPMENT, "ada", "sendgrid", account.id)
            assert pinned == (account if account.usable else None)


def test_a_healed_account_forgets_its_error() -> None:
    accounts = Accounts()
    account = accounts.add(DEVELOPMENT, "ada", "sendgrid", NOW)
    broken = accounts.change(account.id, Health(healthy=False, error="revoked"), NOW)
    assert broken is not None
    assert broken.error == "revoked"
    healed = accounts.change(account.id, Health(healthy=True), NOW)
    assert healed is not None
    assert healed.error is None


def test_a_connect_token_is_good_once_and_for_its_time() -> None:
    tokens = ConnectTokens()
    token = tokens.mint(Grant(DEVELOPMENT, "ada", lifetime_seconds=60), NOW)
    assert tokens.problem(token.value, NOW) is None
    assert tokens.problem(token.value, NOW + timedelta(seconds=60)) == EXPIRED
    tokens.use_up(token.value)
    assert tokens.problem(token.value, NOW) == INVALID
