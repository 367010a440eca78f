"""Which changes become Events, what is patched, and what a Secret of ours holds."""

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import ObjectMeta
from pipewise_operator.desired.secret import Token, fingerprint, token_in, token_secret
from pipewise_operator.judge.announcements import Transition, announcements, last_told, transition
from pipewise_operator.judge.binding import judge
from pipewise_operator.publish import merge_patch
from support.judging import NOON, account, binding, evidence
from support.observing import project

PROJECT = ObjectMeta(name="default", namespace="n", uid="uid-default")


def change(name: str, message: str = "SendGrid: 503", after: str = "UpstreamUnavailable") -> Transition:
    about = ObjectMeta(name=name, namespace="n", uid=f"uid-{name}")
    return Transition(about, "default", "Ready", after, is_good=after == "Ready", message=message)


def test_one_cause_for_many_bindings_is_told_once_on_the_project() -> None:
    told = announcements([change("a"), change("b"), change("c")], [PROJECT])
    assert [(each.kind, each.about.name) for each in told] == [("PipedreamProject", "default")]
    assert told[0].note.startswith("3 bindings: ")


def test_different_causes_are_told_on_their_bindings() -> None:
    told = announcements([change("a", "u1 is dead"), change("b", "u2 is dead")], [PROJECT])
    assert [(each.kind, each.about.name) for each in told] == [
        ("AgentMCPBinding", "a"),
        ("AgentMCPBinding", "b"),
    ]


STATUSES = {
    "Ready": judge(evidence()),
    "Unknown": judge(evidence(project=None)),
    "CredentialInvalid": judge(evidence(accounts={"sendgrid": account("Dead"), "twitter": account()})),
    "RuntimeUnavailable": judge(evidence(runtimes=())),
}


def heard(*reasons: str) -> list[str]:
    """The Events of a new binding whose Ready takes these reasons one after the other."""
    present, known, notes = binding(), "Unknown", []
    for reason in reasons:
        known = last_told(present, known)
        change = transition(present, STATUSES[reason], known)
        if change is not None:
            (told,) = announcements([change], [])
            notes.append(f"{told.type} {told.note if change.is_good else told.reason}")
        present = present.model_copy(update={"status": STATUSES[reason]})
    return notes


FAULT, END = "Warning CredentialInvalid", "Normal Ready again after CredentialInvalid"
TOLD: list[tuple[list[str], list[str]]] = [
    (["Ready"], []),
    (["Unknown", "Ready", "Ready", "Unknown", "Ready"], []),
    (["CredentialInvalid"], [FAULT]),
    (["Ready", "CredentialInvalid", "Ready"], [FAULT, END]),
    (["Ready", "CredentialInvalid", "Unknown", "Unknown", "Ready"], [FAULT, END]),
    (["CredentialInvalid", "Unknown", "CredentialInvalid"], [FAULT]),
    (["CredentialInvalid", "Unknown", "RuntimeUnavailable"], [FAULT, "Warning RuntimeUnavailable"]),
]


@pytest.mark.parametrize(("reasons", "notes"), TOLD)
def test_a_fault_is_news_and_so_is_its_end(reasons: list[str], notes: list[str]) -> None:
    assert heard(*reasons) == notes


@given(st.lists(st.sampled_from(sorted(STATUSES))))
def test_not_to_know_for_a_while_changes_nothing_of_what_people_hear(reasons: list[str]) -> None:
    assert heard(*reasons) == heard(*(reason for reason in reasons if reason != "Unknown"))


def patched(document: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON
    """RFC 7386's own pseudocode."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


DOCUMENTS = st.recursive(
    st.booleans() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), DOCUMENTS), st.dictionaries(st.sampled_from("abc"), DOCUMENTS))
def test_a_patch_makes_the_new_document_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert patched(old, merge_patch(old, new)) == new


@given(st.dictionaries(st.sampled_from("abc"), DOCUMENTS))
def test_nothing_new_is_an_empty_patch(document: dict[str, Any]) -> None:
    assert merge_patch(document, document) == {}


def test_a_token_is_read_back_from_its_secret_as_it_was_written() -> None:
    token = Token(
        "t0ken", NOON + timedelta(hours=1), NOON + timedelta(minutes=40), fingerprint(project(), "id")
    )
    secret = token_secret(project(), token)
    data = {key: b64encode(value.encode()).decode() for key, value in secret.pop("stringData").items()}
    assert token_in({**secret, "data": data}) == token


def test_a_secret_that_somebody_else_wrote_holds_no_token() -> None:
    assert token_in({"metadata": {}, "data": {"token": "!!", "expires-at": "eA=="}}) is None


def test_a_token_of_another_client_or_project_is_recognised() -> None:
    mine = fingerprint(project(), "id")
    assert fingerprint(project(), "other") != mine
    assert fingerprint(project(projectID="proj_2"), "id") != mine
    assert fingerprint(project(limits={"toolRuns": 5}), "id") == mine


def test_a_token_is_not_shown_by_its_representation() -> None:
    assert "t0ken" not in repr(Token("t0ken", NOON, NOON, "x"))
