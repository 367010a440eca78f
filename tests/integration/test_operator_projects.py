"""What the operator does for a project: its token, its accounts, and what is told when they fail."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cluster import Namespace
from support.eventually import eventually
from support.operating import Operated, operating, provider
from support.sandbox import CLIENT_SECRET, Sandbox, sandbox

TOKEN_SECRET = "default-pipedream-token"


@pytest.fixture
async def pipedream() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


@pytest.fixture
def operated(namespace: Namespace, tmp_path: Path) -> Iterator[Operated]:
    with operating(namespace, tmp_path) as running:
        yield running


def token(namespace: Namespace) -> str:
    data = namespace.get("secret", TOKEN_SECRET)["data"]
    return base64.b64decode(data["token"]).decode()


def project(namespace: Namespace) -> dict[str, Any]:
    found: dict[str, Any] = namespace.get("pipedreamproject", "default").get("status", {})
    return found


async def test_a_token_is_minted_into_the_secret_and_accounts_are_counted(
    operated: Operated, pipedream: Sandbox
) -> None:
    await pipedream.admin.add_account("user-1", "sendgrid")
    await pipedream.admin.add_account("user-2", "sendgrid", dead=True)
    operated.credentials()
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.project_condition() == ("True", "Ready"))
    status, secret = project(operated.namespace), operated.namespace.get("secret", TOKEN_SECRET)
    assert base64.b64decode(secret["data"]["expires-at"]).decode() == status["tokenExpiresAt"]
    assert secret["metadata"]["labels"]["mcp.pipewise.io/project"] == "default"
    assert secret["metadata"]["ownerReferences"][0]["kind"] == "PipedreamProject"
    assert status["accounts"] == {"total": 2, "healthy": 1, "unhealthy": 0, "dead": 1}
    assert operated.metric("pipewise_accounts", state="dead") == 1
    assert operated.metric("pipewise_token_mints_total", result="ok") == 1


async def test_a_token_is_renewed_before_it_ends_and_ready_does_not_blink(
    operated: Operated, pipedream: Sandbox
) -> None:
    await pipedream.admin.settings(tokenLifetimeSeconds=6)
    operated.credentials()
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.project_condition() == ("True", "Ready"))
    first = token(operated.namespace)
    since = project(operated.namespace)["conditions"][0]["lastTransitionTime"]
    await eventually(lambda: token(operated.namespace) != first, within=6)
    assert operated.project_condition() == ("True", "Ready")
    assert project(operated.namespace)["conditions"][0]["lastTransitionTime"] == since


async def test_a_wrong_client_secret_is_told_apart_and_heals_when_it_is_corrected(
    operated: Operated, pipedream: Sandbox
) -> None:
    await pipedream.admin.add_account("user-42", "sendgrid")
    operated.credentials("wrong")
    operated.project(pipedream.api_url)
    operated.binding()
    operated.runtime()
    operated.report()
    await eventually(lambda: operated.ready() == ("False", "ProjectCredentialInvalid"))
    assert operated.project_condition("CredentialsValid") == ("False", "ProjectCredentialInvalid")
    operated.credentials()
    await eventually(lambda: operated.ready() == ("True", "Ready"), within=8)


async def test_a_wrong_project_is_told_as_such_and_heals_when_it_is_corrected(
    operated: Operated, pipedream: Sandbox
) -> None:
    await pipedream.admin.add_account("user-42", "sendgrid")
    operated.credentials()
    operated.project(pipedream.api_url, projectID="proj_0th3rs")
    operated.binding()
    operated.runtime()
    operated.report()
    wrong = ("False", "ProjectCredentialInvalid")
    await eventually(lambda: operated.project_condition() == wrong, within=15)
    assert operated.project_condition("CredentialsValid") == wrong
    assert "HTTP 403" in (message := project(operated.namespace)["conditions"][0]["message"])
    assert "check projectID" in message
    await eventually(lambda: operated.ready() == wrong, within=15)
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.ready() == ("True", "Ready"), within=15)


async def test_a_missing_secret_is_named_and_heals_when_it_appears(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.project_condition("CredentialsValid") == ("False", "SecretNotFound"))
    assert "pipedream" in project(operated.namespace)["conditions"][0]["message"]
    operated.credentials()
    await eventually(lambda: operated.project_condition() == ("True", "Ready"), within=8)


async def test_a_token_that_calls_are_refused_with_is_replaced_at_once(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.credentials()
    operated.project(pipedream.api_url, accountPollInterval="1h")
    await eventually(lambda: operated.project_condition() == ("True", "Ready"))
    first, expires_at = token(operated.namespace), project(operated.namespace)["tokenExpiresAt"]
    operated.runtime()
    rejected = {"project": "default", "token": "Rejected", "tokenExpiresAt": expires_at}
    operated.report(projects=[rejected])
    await eventually(lambda: token(operated.namespace) != first, within=7)
    assert project(operated.namespace)["tokenExpiresAt"] != expires_at


async def test_tokens_that_are_expired_early_are_replaced_by_the_next_listing(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.credentials()
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.project_condition() == ("True", "Ready"))
    first = token(operated.namespace)
    await pipedream.admin.expire_tokens()
    await eventually(lambda: token(operated.namespace) != first, within=8)


async def test_the_token_secret_comes_back_when_somebody_deletes_it(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.credentials()
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.project_condition() == ("True", "Ready"))
    operated.namespace.kubectl("delete", "secret", TOKEN_SECRET)
    operated.project(pipedream.api_url, limits={"toolRuns": 7})
    await eventually(lambda: bool(token(operated.namespace)))


async def test_pipedream_being_away_is_told_and_passes(operated: Operated, pipedream: Sandbox) -> None:
    fault = await pipedream.admin.fault("status", method="rest:token", status=503, when="before")
    operated.credentials()
    operated.project(pipedream.api_url)
    await eventually(lambda: operated.project_condition() == ("False", "UpstreamUnavailable"))
    assert operated.project_condition("CredentialsValid")[0] == "Unknown"
    await pipedream.admin.clear_fault(fault)
    await eventually(lambda: operated.project_condition() == ("True", "Ready"), within=8)


async def test_each_ready_runtime_is_told_its_share_of_the_quota(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.credentials()
    operated.project(pipedream.api_url, limits={"toolRuns": 101, "window": "1m"})

    def report(name: str, kept: int, used: int = 0, wanted: int = 0) -> None:
        told = {"project": "default", "runsAllowed": kept, "runsUsed": used, "runsWanted": wanted}
        operated.report(name, projects=[told])

    def shares() -> list[int]:
        items = operated.namespace.items("mcpruntimes")
        return [share["runs"] for item in items for share in item.get("spec", {}).get("shares", [])]

    operated.runtime("r1")
    report("r1", kept=6)
    await eventually(lambda: shares() == [101])
    report("r1", kept=101)
    operated.runtime("r2")
    report("r2", kept=6)
    await eventually(lambda: shares() == [51, 6])
    report("r1", kept=51)
    await eventually(lambda: shares() == [51, 50])
    report("r2", kept=50, wanted=16)
    report("r1", kept=51, wanted=4096)
    await eventually(lambda: shares() == [51, 32])
    report("r2", kept=32, wanted=16)
    await eventually(lambda: shares() == [69, 32])
    report("r1", kept=69, used=69, wanted=4096)
    report("r2", kept=32, wanted=64)
    await eventually(lambda: shares() == [51, 32])
    report("r1", kept=51, used=60, wanted=4096)
    await eventually(lambda: shares() == [51, 41])
    assert operated.metric("pipewise_project_runs_used", project="default") == 60
    assert operated.metric("pipewise_project_runs_limit", project="default") == 101
    report("r1", kept=51, used=51, wanted=4096)
    report("r2", kept=41, wanted=64)
    await eventually(lambda: shares() == [51, 50])


async def test_runs_of_a_runtime_that_is_gone_count_until_they_have_left_the_window(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.credentials()
    operated.project(pipedream.api_url, limits={"toolRuns": 100, "window": "8s"})
    operated.runtime("old")
    told = {"project": "default", "runsAllowed": 6, "runsUsed": 0, "runsWanted": 64}
    operated.report("old", projects=[told])

    def share(name: str) -> int:
        spec = operated.namespace.get("mcpruntime", name).get("spec", {})
        return sum(each["runs"] for each in spec.get("shares", []))

    await eventually(lambda: share("old") == 100)
    operated.report("old", projects=[{**told, "runsAllowed": 100, "runsUsed": 60}])
    operated.namespace.kubectl("delete", "mcpruntime", "old")
    operated.runtime("new")
    operated.report("new", projects=[{"project": "default", "runsAllowed": 6}])
    await eventually(lambda: share("new") == 36)
    operated.report("new", projects=[{"project": "default", "runsAllowed": 36}])
    await eventually(lambda: share("new") == 100, within=20)


async def test_no_secret_leaves_the_secret(operated: Operated, pipedream: Sandbox) -> None:
    await pipedream.admin.add_account("user-42", "sendgrid")
    operated.credentials("a-very-wrong-secret")
    operated.project(pipedream.api_url)
    operated.binding()
    operated.runtime()
    operated.report(providers=[provider("sendgrid", "Unavailable", message="503")])
    await eventually(lambda: operated.ready() == ("False", "ProjectCredentialInvalid"))
    operated.credentials()
    await eventually(lambda: operated.ready() == ("False", "UpstreamUnavailable"), within=8)
    kinds = "agentmcpbindings,pipedreamprojects,mcpruntimes,events"
    seen = operated.program.log + operated.namespace.kubectl("get", kinds, "-o", "yaml")
    for secret in (CLIENT_SECRET, "a-very-wrong-secret", token(operated.namespace)):
        assert secret not in seen
