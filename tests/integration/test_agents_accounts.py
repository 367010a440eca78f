"""Users' accounts as an application asks for them: of Pipedream itself, and of the bindings in a cluster."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipewise_agents import (
    AccountsUnavailableError,
    ConnectLinkUnavailableError,
    McpCredentials,
    OAuthIntegrationManager,
    oauth_integration_manager,
)
from pipewise_crds import API_VERSION
from support.cluster import Namespace
from support.listening import free_port
from support.sandbox import CLIENT_ID, CLIENT_SECRET, PROJECT, Sandbox, sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


def environment_for(box: Sandbox, **changes: str) -> dict[str, str]:
    given = {
        "PIPEDREAM_PROJECT_ID": PROJECT,
        "PIPEDREAM_CLIENT_ID": CLIENT_ID,
        "PIPEDREAM_CLIENT_SECRET": CLIENT_SECRET,
        "PIPEDREAM_API_URL": box.api_url,
    }
    return given | changes


@pytest.fixture
async def manager(box: Sandbox) -> AsyncIterator[OAuthIntegrationManager]:
    async with oauth_integration_manager(environment_for(box)) as made:
        yield made


async def test_an_accounts_state_is_pipedreams_and_holds_no_secret(
    box: Sandbox, manager: OAuthIntegrationManager
) -> None:
    healthy = await box.admin.add_account("ada", "google_calendar")
    unhealthy = await box.admin.add_account("ada", "sendgrid", healthy=False)
    dead = await box.admin.add_account("ada", "pipedrive", dead=True, healthy=False)
    await box.admin.add_account("bob", "twitter")
    states = {
        name: await manager.get_mcp_credentials("ada", name)
        for name in ("google-calendar", "sendgrid", "pipedrive", "twitter")
    }
    assert states == {
        "google-calendar": McpCredentials("google_calendar", "Healthy", healthy),
        "sendgrid": McpCredentials("sendgrid", "Unhealthy", unhealthy),
        "pipedrive": McpCredentials("pipedrive", "Dead", dead),
        "twitter": McpCredentials("twitter", "Missing"),
    }
    assert await manager.is_integration_connected("ada", "google_calendar")
    assert not await manager.is_integration_connected("ada", "sendgrid")


async def test_of_several_accounts_the_first_healthy_one_is_used(
    box: Sandbox, manager: OAuthIntegrationManager
) -> None:
    await box.admin.add_account("ada", "sendgrid", healthy=False)
    usable = await box.admin.add_account("ada", "sendgrid")
    await box.admin.add_account("ada", "sendgrid")
    await box.admin.add_account("ada", "twitter", healthy=False)
    assert await manager.get_enabled_integrations("ada") == (McpCredentials("sendgrid", "Healthy", usable),)


async def test_all_pages_of_accounts_are_read() -> None:
    accounts = [{"project": PROJECT, "user": "ada", "app": "twitter", "healthy": False} for _ in range(100)]
    last = {"project": PROJECT, "user": "ada", "app": "sendgrid"}
    async with (
        sandbox({"accounts": [*accounts, last]}) as box,
        oauth_integration_manager(environment_for(box)) as manager,
    ):
        assert await manager.is_integration_connected("ada", "sendgrid")


async def test_a_user_connects_an_account_by_the_link(box: Sandbox, manager: OAuthIntegrationManager) -> None:
    link = await manager.connect_link("ada", "google-calendar")
    assert link.url.startswith(f"{box.url}/_static/connect.html?token=ctok_")
    assert link.url.endswith("&app=google_calendar")
    assert link.expires_at.tzinfo is not None
    assert "ctok_" not in repr(link)


async def test_a_token_is_minted_once_for_many_and_anew_when_refused(
    box: Sandbox, manager: OAuthIntegrationManager
) -> None:
    async def mints() -> int:
        counted = (await box.admin.requests())["requests"]
        return sum(counted["rest:token"].values())

    await asyncio.gather(*(manager.get_enabled_integrations("ada") for _ in range(5)))
    assert await mints() == 1
    await box.admin.expire_tokens()
    await asyncio.gather(*(manager.get_enabled_integrations("ada") for _ in range(5)))
    assert await mints() == 2


async def test_wrong_credentials_are_told_without_showing_them(box: Sandbox) -> None:
    wrong = environment_for(box, PIPEDREAM_CLIENT_SECRET="wrong-secret")
    async with oauth_integration_manager(wrong) as manager:
        with pytest.raises(AccountsUnavailableError, match=r"status 401.*PIPEDREAM_CLIENT_SECRET") as told:
            await manager.get_mcp_credentials("ada", "sendgrid")
    assert "wrong-secret" not in repr(told.value)
    assert told.value.__suppress_context__


@pytest.mark.parametrize(("kind", "cause"), [("status", "status 503"), ("bad_json", "ValidationError")])
async def test_trouble_at_pipedream_is_told(
    box: Sandbox, manager: OAuthIntegrationManager, kind: str, cause: str
) -> None:
    fields: dict[str, Any] = {"status": 503, "when": "before"} if kind == "status" else {}
    await box.admin.fault(kind, method="rest:accounts", **fields)
    with pytest.raises(AccountsUnavailableError, match=cause):
        await manager.get_mcp_credentials("ada", "sendgrid")


async def test_a_service_that_cannot_be_is_refused(manager: OAuthIntegrationManager) -> None:
    with pytest.raises(ValueError, match="'Google Calendar' is neither one of calendly, google-calendar"):
        await manager.get_mcp_credentials("ada", "Google Calendar")


async def test_half_of_the_pipedream_variables_are_refused() -> None:
    with pytest.raises(
        ValueError, match="not PIPEDREAM_CLIENT_ID and PIPEDREAM_CLIENT_SECRET: set all three"
    ):
        async with oauth_integration_manager({"PIPEDREAM_PROJECT_ID": PROJECT}):
            pass


def bound(namespace: Namespace, name: str, agent: str, user: str, *services: dict[str, Any]) -> None:
    namespace.apply(
        {
            "apiVersion": API_VERSION,
            "kind": "AgentMCPBinding",
            "metadata": {"name": name, "namespace": namespace.name},
            "spec": {"agent": agent, "user": user},
        }
    )
    namespace.set_status("agentmcpbindings", name, {"services": list(services)})


def service(app: str, state: str, account: str | None = None) -> dict[str, Any]:
    return {
        "name": app.replace("_", "-"),
        "app": app,
        "verdict": "Healthy" if state == "Healthy" else "CredentialInvalid",
        "account": {"state": state} | ({"id": account} if account else {}),
    }


async def test_in_a_cluster_the_bindings_status_is_asked(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(
        namespace,
        "c-ada",
        "coordinator",
        "ada",
        service("sendgrid", "Healthy", "apn_1"),
        service("twitter", "Missing"),
    )
    bound(namespace, "m-ada", "meeting-scheduler", "ada", service("google_calendar", "Dead", "apn_2"))
    bound(namespace, "c-bob", "coordinator", "bob", service("twitter", "Healthy", "apn_3"))
    monkeypatch.setenv("KUBECONFIG", str(namespace.cluster.kubeconfig))
    async with oauth_integration_manager({"POD_NAMESPACE": namespace.name}) as manager:
        assert await manager.get_mcp_credentials("ada", "sendgrid") == McpCredentials(
            "sendgrid", "Healthy", "apn_1"
        )
        assert await manager.get_mcp_credentials("ada", "google-calendar") == McpCredentials(
            "google_calendar", "Dead", "apn_2"
        )
        assert not await manager.is_integration_connected("ada", "twitter")
        with pytest.raises(ConnectLinkUnavailableError, match="`pipewise connect ada twitter` makes one"):
            await manager.connect_link("ada", "twitter")


async def test_a_kubernetes_api_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "none", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}],
        "users": [{"name": "none", "user": {"token": "t"}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
        "current-context": "none",
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(nobody))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    async with oauth_integration_manager({"POD_NAMESPACE": "default"}) as manager:
        with pytest.raises(AccountsUnavailableError, match="may list agentmcpbindings"):
            await manager.get_mcp_credentials("ada", "sendgrid")


async def test_neither_pipedream_nor_a_cluster_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(ValueError, match="set PIPEDREAM_PROJECT_ID, or KUBECONFIG"):
        async with oauth_integration_manager({}):
            pass


def test_credentials_say_their_service_as_people_call_it() -> None:
    assert McpCredentials("salesforce_rest_api", "Missing").title == "Salesforce"
