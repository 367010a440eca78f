"""When the API server is asked about tokens and rights, and what holds when it is not."""

import asyncio

import pytest
from structlog.testing import capture_logs

from pipewise_runtime.core.access import Denied, Reason, digest_of
from pipewise_runtime.permitting import PAUSE_SECONDS, Permits
from support.eventually import eventually
from support.memory_reviews import ACCOUNT, MemoryReviews, Time, token_of

TIME = Time()
TOKEN = token_of(expires_at=TIME.began + 3600)


@pytest.fixture
def reviews() -> MemoryReviews:
    return MemoryReviews({TOKEN: ACCOUNT}, {(ACCOUNT.name, "a")})


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def permits(reviews: MemoryReviews, time: Time) -> Permits:
    return Permits(reviews, clock=time.clock)


async def denied(permits: Permits, binding: str = "a", token: str = TOKEN) -> Reason | None:
    """What a request meets."""
    holder = digest_of(token.encode())
    if permits.allows(holder, binding):
        return None
    found: Denied | None = await permits.denial(token.encode(), holder, binding)
    return found.reason if found else None


async def test_a_right_is_asked_for_once_a_minute(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    for _ in range(6):
        assert await denied(permits) is None
        time.passed += 11
    assert (reviews.asked[TOKEN], reviews.asked["a"]) == (1, 1)
    assert await denied(permits) is None
    assert (reviews.asked[TOKEN], reviews.asked["a"]) == (2, 2)


async def test_who_may_use_all_bindings_is_asked_about_once_for_all_users(
    permits: Permits, reviews: MemoryReviews
) -> None:
    reviews.rights = {(ACCOUNT.name, "")}
    for number in range(100):
        assert await denied(permits, f"binding-{number}") is None
    assert reviews.asked == {TOKEN: 1, "": 1}


async def test_many_requests_at_once_are_one_question(permits: Permits, reviews: MemoryReviews) -> None:
    reviews.may_answer.clear()
    asking = [asyncio.create_task(denied(permits)) for _ in range(20)]
    await eventually(lambda: reviews.asked[TOKEN])
    asking.pop().cancel()
    reviews.may_answer.set()
    assert await asyncio.gather(*asking) == [None] * 19
    assert set(reviews.asked.values()) == {1}


async def test_a_right_that_was_taken_away_ends_within_a_minute_and_one_given_begins_within_seconds(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    assert await denied(permits) is None
    reviews.rights.clear()
    time.passed += 59
    assert await denied(permits) is None
    time.passed += 1
    assert await denied(permits) is Reason.NO_RIGHT
    reviews.rights = {(ACCOUNT.name, "a")}
    assert await denied(permits) is Reason.NO_RIGHT
    time.passed += 5
    assert await denied(permits) is None


async def test_a_revoked_token_is_refused_for_every_binding(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    assert await denied(permits) is None
    reviews.owners.clear()
    time.passed += 60
    assert await denied(permits) is Reason.INVALID
    assert await denied(permits, "b") is Reason.INVALID
    assert reviews.asked[TOKEN] == 2


async def test_a_token_ends_at_its_own_time_without_a_question(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    time.passed = 3590
    assert await denied(permits) is None
    time.passed = 3600
    assert await denied(permits) is Reason.EXPIRED
    assert reviews.asked[TOKEN] == 1


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("garbage", Reason.INVALID),
        (token_of(["https://kubernetes.default.svc"]), Reason.AUDIENCE),
        (token_of([]), Reason.AUDIENCE),
        (token_of(expires_at=TIME.began - 1), Reason.EXPIRED),
    ],
)
async def test_what_refuses_itself_costs_no_question(
    permits: Permits, reviews: MemoryReviews, token: str, reason: Reason
) -> None:
    assert await denied(permits, token=token) is reason
    assert not reviews.asked


async def test_while_nobody_can_be_asked_known_rights_stand_for_ten_minutes_and_others_do_not(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    other = token_of(expires_at=TIME.began + 3600, sub="other")
    reviews.owners[other] = ACCOUNT
    assert await denied(permits) is None
    reviews.is_away = True
    assert await denied(permits, token=other) is Reason.UNASKED
    time.passed = 599
    assert await denied(permits) is None
    assert await denied(permits, "b") is Reason.UNASKED
    time.passed = 600
    assert await denied(permits) is Reason.UNASKED
    reviews.is_away = False
    time.passed += PAUSE_SECONDS
    assert await denied(permits) is None
    assert await denied(permits, token=other) is None


async def test_an_api_server_that_is_away_is_asked_once_in_a_while(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    reviews.is_away = True
    for number in range(50):
        assert await denied(permits, f"binding-{number}") is Reason.UNASKED
        time.passed += PAUSE_SECONDS / 25
    assert reviews.asked[TOKEN] <= 3


async def test_who_may_not_use_all_bindings_is_asked_about_that_once_in_a_while(
    permits: Permits, reviews: MemoryReviews, time: Time
) -> None:
    reviews.rights = {(ACCOUNT.name, name) for name in ("a", "b")}
    assert await denied(permits, "a") is None
    assert await denied(permits, "b") is None
    assert reviews.asked == {TOKEN: 1, "": 1, "a": 1, "b": 1}
    time.passed += 5
    assert await denied(permits, "c") is Reason.NO_RIGHT
    assert reviews.asked[""] == 2


async def test_that_the_api_server_is_away_is_logged_once_however_many_wait_for_it(
    permits: Permits, reviews: MemoryReviews
) -> None:
    reviews.is_away = True
    reviews.may_answer.clear()
    tokens = [token_of(expires_at=TIME.began + 3600, sub=str(number)) for number in range(3)]
    with capture_logs() as logged:
        asking = [asyncio.create_task(denied(permits, token=token)) for token in tokens]
        await eventually(lambda: len(reviews.asked) == 3)
        reviews.may_answer.set()
        assert await asyncio.gather(*asking) == [Reason.UNASKED] * 3
    assert [entry["event"] for entry in logged] == ["reviews_unavailable"]
