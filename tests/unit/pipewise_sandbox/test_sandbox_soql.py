"""The small SOQL finds what its conditions describe, and refuses what it cannot read."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from pipewise_sandbox.apps.soql import MalformedQueryError, parsed

WORDS = st.text("abc%x", min_size=1, max_size=4)
RECORDS = st.lists(st.fixed_dictionaries({"Id": WORDS, "Name": WORDS}), max_size=6)


@settings(deadline=None)
@given(RECORDS, WORDS, st.integers(0, 4))
def test_an_equality_finds_exactly_the_equal_records_up_to_the_limit(
    records: list[dict[str, str]], name: str, limit: int
) -> None:
    query = f"SELECT Id FROM Lead WHERE Name = '{name}' LIMIT {limit}"  # noqa: S608 - no database
    found = parsed(query).over(records)
    assert [one["Id"] for one in found] == [one["Id"] for one in records if one["Name"] == name][:limit]


@settings(deadline=None)
@given(RECORDS, st.text("abcx", min_size=1, max_size=2))
def test_a_like_between_percents_finds_what_contains_the_words(
    records: list[dict[str, str]], part: str
) -> None:
    query = f"select Id from Lead where Name like '%{part}%'"  # noqa: S608 - no database
    found = parsed(query).over(records)
    assert [one["Id"] for one in found] == [one["Id"] for one in records if part in one["Name"]]


def test_conditions_are_joined_by_and_and_fields_keep_the_asked_names() -> None:
    records = [{"Email": "a@x", "City": "Oslo"}, {"Email": "a@x", "City": "Rome"}]
    query = parsed("SELECT email, Zip FROM Lead WHERE Email = 'A@X' AND City != 'Oslo' ORDER BY City LIMIT 5")
    assert query.over(records) == [{"attributes": {"type": "Lead"}, "email": "a@x", "Zip": None}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DELETE FROM Lead",
        "SELECT Id",
        "SELECT Id FROM Lead WHERE (a = 'b' OR c = 'd')",
        "SELECT Id FROM Lead WHERE a > 3",
    ],
)
def test_what_is_not_understood_is_malformed(text: str) -> None:
    with pytest.raises(MalformedQueryError):
        parsed(text)
