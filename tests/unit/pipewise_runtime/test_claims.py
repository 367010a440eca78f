"""What is read in a token before anybody has vouched for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.claims import LONGEST_TOKEN, Claims, claims_of
from support.memory_reviews import token_of


@given(st.lists(st.text()), st.none() | st.integers(0, 2**40), st.text())
def test_audiences_and_expiry_are_read_whatever_else_is_claimed(
    audiences: list[str], expires_at: int | None, subject: str
) -> None:
    token = token_of(audiences, expires_at, sub=subject)
    assert claims_of(token) == Claims(frozenset(audiences), expires_at)


def test_a_single_audience_need_not_be_a_list() -> None:
    assert claims_of(token_of("mcp.pipewise.io")) == Claims(frozenset({"mcp.pipewise.io"}), None)


@given(st.text(alphabet=st.sampled_from("aZ09-_.=é{}\n")) | st.text())
def test_no_text_is_more_than_unreadable(text: str) -> None:
    found = claims_of(text)
    assert found is None or text.count(".") == 2


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b",
        "a.b.c.d",
        "a..c",
        token_of()[: -len("bm9ib2R5")],
        token_of() + "é",
        token_of({"not": "a list"}),
        token_of(["a" * LONGEST_TOKEN]),
    ],
)
def test_what_is_no_token_has_no_claims(token: str) -> None:
    assert claims_of(token) is None
