"""Pipedream's requests to connect an account, in all their forms, and results that only quote one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.account_required import AccountAsked, account_asked

LINK = "https://pipedream.com/_static/connect.html?token=ctok_1&connectLink=true&app=sendgrid"
ASKING = {"accountRequired": True, "connectUrl": LINK}


def text(words: str, **fields: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps({"content": [{"type": "text", "text": words}], **fields}).encode()


FORMS = [
    text("x", structuredContent=ASKING),
    text("x", **ASKING),
    text(json.dumps(ASKING)),
    text(json.dumps(ASKING, indent=2)),
    text(f"Go to: {LINK}"),
    text(f"You need to connect your account first.\n{LINK}\n"),
    text(f"Open {LINK}", structuredContent={"accountRequired": True}),
    json.dumps({"structuredContent": ASKING}).encode(),
]


@pytest.mark.parametrize("result", FORMS)
def test_every_known_form_is_recognised_with_its_link(result: bytes) -> None:
    assert account_asked(result) == AccountAsked(LINK)


def test_a_request_without_a_link_is_one_all_the_same() -> None:
    assert account_asked(text("x", structuredContent={"accountRequired": True})) == AccountAsked(None)


@given(st.text(), st.text(), st.sampled_from([LINK, f"Go to: {LINK}", json.dumps(ASKING), "accountRequired"]))
def test_a_quoted_link_is_never_taken_for_a_request(before: str, after: str, quoted: str) -> None:
    ran = json.dumps({"exports": {"$summary": "sent"}, "ret": {"subject": before + quoted + after}}, indent=2)
    assert account_asked(text(ran)) is None
    assert account_asked(text(f"{before} said: {quoted} {after}")) is None
    assert account_asked(text("sent", structuredContent={"ret": ASKING})) is None


RAN = [
    text(json.dumps({**ASKING, "ret": None})),
    text("x", structuredContent={**ASKING, "ret": {}}),
    text("x", structuredContent={"accountRequired": False, "connectUrl": LINK}),
    text("x", structuredContent={"accountRequired": "true", "connectUrl": LINK}),
    text("Go to: https://example.com/accountRequired"),
    text("{accountRequired"),
    text("{" * 100_000 + "accountRequired"),
    text('{"a":' * 100_000 + "accountRequired"),
    b'{"content":[{"text":"accountRequired \xff"}]}',
    b'{"content":{"text":"accountRequired"}}',
    b'{"content":[],"a":"accountRequired"}',
    b"accountRequired",
    b"{}",
    b"",
]


@pytest.mark.parametrize("result", RAN, ids=range(len(RAN)))
def test_what_is_no_request_is_none(result: bytes) -> None:
    assert account_asked(result) is None


def test_the_link_shows_in_no_repr() -> None:
    assert "ctok" not in repr(account_asked(FORMS[0]))
