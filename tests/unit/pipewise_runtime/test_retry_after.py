"""The Retry-After header: seconds, a date, or nonsense."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.upstream.retry_after import seconds_of

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@given(st.integers(0, 10**6))
def test_seconds_are_read_as_they_are(seconds: int) -> None:
    assert seconds_of(b" %d " % seconds) == seconds


@given(st.integers(-(10**6), 10**6))
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


@given(st.binary(max_size=40))
def test_no_header_breaks_the_reader(value: bytes) -> None:
    found = seconds_of(value, NOW)
    assert found is None or found >= 0
