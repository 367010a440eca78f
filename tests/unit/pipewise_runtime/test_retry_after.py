"""Retry-After and X-RateLimit-Reset: seconds, a moment, or nonsense; and never more than an hour."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.upstream.retry_after import LONGEST_SECONDS, seconds_of, wished_wait

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@given(st.integers(0, LONGEST_SECONDS))
def test_seconds_are_read_as_they_are(seconds: int) -> None:
    assert seconds_of(b" %d " % seconds) == seconds


@given(st.integers(-(10**6), LONGEST_SECONDS))
def test_a_date_is_a_wait_until_then_and_never_negative(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True).encode()
    assert seconds_of(date, NOW) == max(seconds, 0)


def test_a_date_without_zone_is_universal_time() -> None:
    assert seconds_of(b"Sun, 01 Nov 2026 12:00:30 -0000", NOW) == 30


def test_fractions_are_understood() -> None:
    assert seconds_of(b"1.5") == 1.5


@pytest.mark.parametrize(
    "value", [None, b"", b"soon", b"-5", b"nan", b"inf", b"1e9", b"\xff", b"1.2.3", b"."]
)
def test_what_makes_no_sense_is_no_wish(value: bytes | None) -> None:
    assert seconds_of(value) is None


@given(st.integers(-(10**6), LONGEST_SECONDS), st.sampled_from([1, 1000]))
def test_a_number_that_can_only_be_a_moment_is_read_as_one(seconds: int, per_second: int) -> None:
    moment = int((NOW.timestamp() + seconds) * per_second)
    assert seconds_of(b"%d" % moment, NOW) == max(seconds, 0)


@pytest.mark.parametrize("value", [b"3601", b"86400", b"Sun, 01 Nov 2026 13:00:01 GMT", b"1793538001"])
def test_more_than_an_hour_is_an_hour(value: bytes) -> None:
    assert seconds_of(value, NOW) == LONGEST_SECONDS


@pytest.mark.parametrize(
    "value", [b"86401", b"999999999", b"9" * 400, b"Fri, 31 Dec 9999 23:59:59 GMT", b"1830000000"]
)
def test_more_than_a_day_is_nonsense(value: bytes) -> None:
    assert seconds_of(value, NOW) is None


@given(st.binary(max_size=40) | st.from_regex(rb"\A[0-9]{1,400}(\.[0-9]{1,9})?\Z"))
def test_no_header_breaks_the_reader(value: bytes) -> None:
    found = seconds_of(value, NOW)
    assert found is None or 0 <= found <= LONGEST_SECONDS


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({b"retry-after": b"7", b"x-ratelimit-reset": b"9"}, 7),
        ({b"retry-after": b"0", b"x-ratelimit-reset": b"9"}, 0),
        ({b"retry-after": b"soon", b"x-ratelimit-reset": b"9"}, 9),
        ({b"x-ratelimit-reset": b"9"}, 9),
        ({b"x-ratelimit-reset": b"soon"}, None),
    ],
)
def test_the_reset_is_asked_where_retry_after_says_nothing(
    headers: dict[bytes, bytes], wait: float | None
) -> None:
    assert wished_wait(headers) == wait
