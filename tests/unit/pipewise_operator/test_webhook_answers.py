"""The webhook's answers about bindings: refused where nothing could work, warned where much may surprise."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import BindingSpec, Service
from pipewise_crds.profiles import BUILT_IN
from pipewise_operator.failures import ClusterUnavailableError
from pipewise_operator.webhook.bindings import Catalogue, refusals, warnings
from pipewise_operator.webhook.questions import LOOK_SECONDS, BindingQuestion
from pipewise_operator.webhook.review import Allowed, Refused, Request, ReviewError, request_in, review_of

CATALOGUE = Catalogue(BUILT_IN)
MAIL = {"name": "mail", "app": "sendgrid"}


def spec(**fields: Any) -> BindingSpec:  # noqa: ANN401 - JSON
    return BindingSpec.model_validate({"agent": "coordinator", "user": "ada", **fields})


def told(**fields: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    return warnings(spec(**fields), CATALOGUE)


async def nobody(_namespace: str, _agent: str, _user: str) -> Sequence[tuple[str, str]]:
    return []


async def no_answer(_namespace: str, _agent: str, _user: str) -> Sequence[tuple[str, str]]:
    raise ClusterUnavailableError("the API server gives no answer")


async def slow(_namespace: str, _agent: str, _user: str) -> Sequence[tuple[str, str]]:
    await asyncio.Event().wait()
    return []


def asked(body: dict[str, Any], before: dict[str, Any] | None = None) -> Request:
    operation = "UPDATE" if before else "CREATE"
    return Request(uid="1", namespace="sales", operation=operation, object=body, oldObject=before)


@pytest.mark.parametrize("agent", sorted(BUILT_IN))
def test_a_binding_by_profile_draws_no_word(agent: str) -> None:
    assert (refusals(spec(agent=agent), CATALOGUE), told(agent=agent)) == ((), ())


def test_an_agent_without_profile_may_list_its_services() -> None:
    assert refusals(spec(agent="archivist", services=[MAIL]), CATALOGUE) == ()
    assert "list its services" in refusals(spec(agent="archivist"), CATALOGUE)[0]


def test_an_unknown_app_is_refused_only_where_the_installation_is_strict() -> None:
    wanted = spec(services=[{"name": "chat", "app": "slack"}])
    assert refusals(wanted, CATALOGUE) == ()
    assert 'app "slack" is not known here' in warnings(wanted, CATALOGUE)[0]
    assert 'app "slack" is not known here' in refusals(wanted, Catalogue(BUILT_IN, strict=True))[0]
    assert refusals(wanted, Catalogue(BUILT_IN, frozenset({"slack"}), strict=True)) == ()
    profiles = {"coordinator": (Service(name="chat", app="slack"),)}
    assert warnings(wanted, Catalogue(profiles)) == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"demo": "Always"}, "made-up"),
        ({"resilience": {"maxRetries": 0}}, "first lost connection"),
        ({"services": [{**MAIL, "required": False}]}, "no service is required"),
        ({"services": [{**MAIL, "timeout": "5m"}]}, "timeout: 5m"),
        ({"services": [{**MAIL, "timeout": "2s"}], "resilience": {"baseDelay": "2s"}}, "no time to retry"),
        ({"services": [{**MAIL, "tools": {"deny": ["*"]}}]}, "hides all"),
        ({"services": [{**MAIL, "tools": {"allow": ["send-x"], "deny": ["send-*"]}}]}, "hidden again"),
    ],
)
def test_a_risky_setting_is_told_in_one_line_that_reaches_the_user_whole(
    fields: dict[str, Any], words: str
) -> None:
    (warning,) = told(**fields)
    assert words in warning
    assert len(warning.encode()) <= 256


@pytest.mark.parametrize("find", [no_answer, slow], ids=lambda find: find.__name__)
async def test_a_binding_is_let_through_with_a_warning_when_others_cannot_be_looked_for(find: Any) -> None:  # noqa: ANN401
    question = BindingQuestion(CATALOGUE, find)
    begin = asyncio.get_running_loop().time()
    answer = await question(asked({"spec": {"agent": "coordinator", "user": "ada"}}))
    assert isinstance(answer, Allowed)
    assert "could not be checked" in answer.warnings[0]
    assert asyncio.get_running_loop().time() - begin < 1
    assert LOOK_SECONDS < 1


async def test_an_update_that_leaves_the_spec_alone_passes_whatever_the_spec_says() -> None:
    body = {"metadata": {"name": "b"}, "spec": {"agent": "nobody", "user": "ada"}}
    assert await BindingQuestion(CATALOGUE, no_answer)(asked(body, body)) == Allowed()
    leaving = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {**body["spec"], "x": 1}}
    assert await BindingQuestion(CATALOGUE, no_answer)(asked(leaving, body)) == Allowed()
    changed = {**body, "spec": {**body["spec"], "paused": True}}
    assert isinstance(await BindingQuestion(CATALOGUE, nobody)(asked(changed, body)), Refused)


async def test_a_spec_of_another_version_is_left_to_the_api_server() -> None:
    answer = await BindingQuestion(CATALOGUE, nobody)(asked({"spec": {"agent": "coordinator"}}))
    assert isinstance(answer, Allowed)
    assert "not checked" in answer.warnings[0]


def test_an_answer_bears_the_uid_and_a_refusal_its_message() -> None:
    review = json.loads(review_of("42", Refused("because")))
    assert review["response"]["uid"] == "42"
    assert review["response"]["allowed"] is False
    assert review["response"]["status"]["message"] == "because"
    assert json.loads(review_of("42", Allowed()))["response"] == {"uid": "42", "allowed": True}


@given(
    st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_what_is_no_review_is_told_so(body: bytes) -> None:
    with pytest.raises(ReviewError, match="not an AdmissionReview"):
        request_in(body)
