"""The binding's model beyond what the API server checks: paths, profiles, names on the wire."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipewise_crds import AgentMCPBinding, BindingSpec, Service, endpoint_path, token_secret_name
from pipewise_crds.apps import title_of
from pipewise_crds.profiles import BUILT_IN, profiles_from, services_of

USERS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Z"], exclude_characters="/"), min_size=1
)


@given(USERS)
def test_every_user_id_makes_one_segment_of_the_path_and_is_read_back(user: str) -> None:
    path = endpoint_path("coordinator", user)
    match = re.fullmatch(r"/agents/([^/?#]+)/users/([^/?#]+)/mcp", path)
    assert match is not None
    assert path.isascii()
    assert (match[1], unquote(match[2])) == ("coordinator", user)


@given(USERS, USERS)
def test_different_users_have_different_paths(one: str, other: str) -> None:
    assert (endpoint_path("a", one) == endpoint_path("a", other)) == (one == other)


def test_a_binding_without_services_gets_its_agents_profile() -> None:
    apps = [
        service.app for service in services_of(BindingSpec(agent="coordinator", user="u"), BUILT_IN) or ()
    ]
    assert apps == ["sendgrid", "twitter"]


def test_a_bindings_own_services_win_over_the_profile() -> None:
    own = Service(name="mail", app="sendgrid")
    assert services_of(BindingSpec(agent="coordinator", user="u", services=[own]), BUILT_IN) == (own,)


def test_an_agent_without_profile_and_services_has_none() -> None:
    assert services_of(BindingSpec(agent="stranger", user="u"), BUILT_IN) is None


def test_profiles_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "profiles.yaml"
    file.write_text("poet:\n- {name: mail, app: sendgrid, timeout: 5s}\n")
    assert profiles_from(file)["poet"][0].timeout.total_seconds() == 5
    assert profiles_from(None) is BUILT_IN


def test_a_profile_with_a_bad_service_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "profiles.yaml"
    file.write_text("poet:\n- {name: mail, app: Send-Grid}\n")
    with pytest.raises(ValidationError, match="must be a name slug of Pipedream"):
        profiles_from(file)


def test_a_service_name_given_twice_is_named() -> None:
    mail = Service(name="mail", app="sendgrid")
    with pytest.raises(ValidationError, match='the name "mail" is given twice'):
        BindingSpec(agent="a", user="u", services=[mail, mail])


def test_fields_of_a_newer_version_are_ignored() -> None:
    binding = AgentMCPBinding.model_validate(
        {"metadata": {"name": "b", "managedFields": []}, "spec": {"agent": "a", "user": "u", "mood": "good"}}
    )
    assert binding.spec == BindingSpec(agent="a", user="u")


def test_what_is_written_is_read_back() -> None:
    spec = BindingSpec(
        agent="a", user="u", services=[Service(name="mail", app="sendgrid", account_id="apn_1")]
    )
    written = spec.model_dump(mode="json", by_alias=True)
    assert written["services"][0]["accountID"] == "apn_1"
    assert written["resilience"]["breaker"] == {"failures": 5, "openFor": "5s"}
    assert BindingSpec.model_validate(written) == spec


@pytest.mark.parametrize(
    ("app", "title"),
    [("sendgrid", "SendGrid"), ("google_calendar", "Google Calendar"), ("big_new_app", "Big New App")],
)
def test_an_app_is_called_as_its_users_call_it(app: str, title: str) -> None:
    assert title_of(app) == title


def test_the_token_secret_is_named_after_its_project() -> None:
    assert token_secret_name("default") == "default-pipedream-token"
