"""What an agent is told when a call fails."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import Verdict
from pipewise_runtime.core.retry import GiveUp, Outcome
from pipewise_runtime.problems import failure
from support.engine import service

GIVEN_UP = st.builds(
    GiveUp,
    st.sampled_from(Verdict),
    st.sampled_from(Outcome),
    st.just("the inner cause"),
    st.none() | st.floats(0, 1e6),
)
LINK = "https://pipedream.com/_static/connect.html?token=ctok_1"


def told(given_up: GiveUp, link: str | None = None) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(failure(service(), given_up, 2, link))
    return result


@given(GIVEN_UP, st.none() | st.just(LINK))
def test_every_failure_is_an_error_result_in_the_users_words(given_up: GiveUp, link: str | None) -> None:
    result = told(given_up, link)
    (item,) = result["content"]
    assert result["isError"] is True
    assert item["text"].startswith("Ups, hubo un error al conectarse con SendGrid")
    assert "inner cause" not in item["text"]
    problem = result["structuredContent"]
    assert (problem["service"], problem["attempts"]) == ("sendgrid", 2)
    assert (problem["reason"], problem["outcome"]) == (given_up.verdict, given_up.outcome)
    assert problem.get("connectURL") == link
    wait = given_up.retry_after_seconds
    assert ("retryAfterSeconds" in problem) == (wait is not None)
    if wait is not None:
        assert max(wait, 1) <= problem["retryAfterSeconds"] < max(wait, 1) + 1
    unknown = "no se sabe si la acción se realizó" in item["text"]
    assert unknown == (given_up.outcome is Outcome.UNKNOWN)


def test_a_used_up_quota_says_when_to_try_again() -> None:
    result = told(GiveUp(Verdict.QUOTA_EXHAUSTED, Outcome.NOT_RUN, "x", 12.3))
    assert "Inténtalo de nuevo en 13 s" in result["content"][0]["text"]
