"""Durations read and written as Kubernetes users do."""

from datetime import timedelta
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipewise_crds.durations import Between, parse, text_of

BOUNDED = TypeAdapter(Annotated[timedelta, Between("1s", "10m")])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("250ms", 0.25), ("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("1h2m3s4ms", 3723.004)],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "30 s", "-1s", "PT30S", "1d", "30s\n", "1.s", ".5s", "1234567s", "1s" * 11]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it as 30s, 5m or 1h30m"):
        parse(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=5), "5m"),
        (timedelta(hours=24), "24h"),
    ],
)
def test_a_duration_is_written_in_its_largest_whole_unit(duration: timedelta, text: str) -> None:
    assert text_of(duration) == text


@given(st.integers(min_value=0, max_value=999_999).map(lambda count: timedelta(milliseconds=count)))
def test_what_is_written_in_milliseconds_is_read_back(duration: timedelta) -> None:
    assert parse(text_of(duration)) == duration


@given(st.integers(min_value=0, max_value=999_999).map(lambda count: timedelta(seconds=count)))
def test_what_is_written_in_seconds_is_read_back(duration: timedelta) -> None:
    assert parse(text_of(duration)) == duration


@given(st.integers(min_value=1_000, max_value=600_000).map(lambda count: timedelta(milliseconds=count)))
def test_a_bounded_field_takes_what_lies_between_its_bounds(duration: timedelta) -> None:
    assert BOUNDED.validate_python(text_of(duration)) == duration
    assert BOUNDED.dump_python(duration, mode="json") == text_of(duration)


@pytest.mark.parametrize("value", ["999ms", "601s", 30, None, timedelta(hours=1)])
def test_a_bounded_field_refuses_the_rest_and_names_the_bounds(value: object) -> None:
    with pytest.raises(ValidationError, match="must be a duration from 1s to 10m"):
        BOUNDED.validate_python(value)
