"""What the operator says of bindings: the right verdict, soon, and gone when the trouble is."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipewise_crds import timestamp
from support.cluster import Namespace
from support.eventually import eventually
from support.operating import Operated, condition, exception, operating, provider
from support.sandbox import Sandbox, sandbox


@pytest.fixture
async def pipedream() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


@pytest.fixture
async def operated(namespace: Namespace, pipedream: Sandbox, tmp_path: Path) -> AsyncIterator[Operated]:
    """An operator with a working project, a runtime that reports, and one connected account."""
    await pipedream.admin.add_account("user-42", "sendgrid")
    with operating(namespace, tmp_path) as running:
        running.credentials()
        running.project(pipedream.api_url)
        running.runtime()
        running.report()
        yield running


@pytest.fixture
async def ready(operated: Operated) -> Operated:
    """The same, with a binding that is Ready."""
    operated.binding()
    await eventually(lambda: operated.ready() == ("True", "Ready"))
    return operated


def pod_status(namespace: Namespace, pod: str, ready: str) -> None:
    body = {"status": {"conditions": [{"type": "Ready", "status": ready}]}}
    path = f"/api/v1/namespaces/{namespace.name}/pods/{pod}/status"
    namespace.cluster.api.request("PATCH", path, body, "application/merge-patch+json")


async def account_requests(pipedream: Sandbox) -> int:
    counted = await pipedream.admin.requests()
    return sum(counted["requests"].get("rest:accounts", {}).values())


async def test_a_binding_is_ready_once_everything_a_call_needs_was_seen(ready: Operated) -> None:
    status = ready.status()
    assert status["servicesReady"] == "1/1"
    assert status["mode"] == "Live"
    assert status["runtimes"] == {"ready": 1, "total": 1}
    assert status["endpoint"] == "http://127.0.0.1:8720/agents/coordinator/users/user-42/mcp"
    assert status["services"][0]["account"]["state"] == "Healthy"
    assert {each["type"]: each["status"] for each in status["conditions"]} == dict.fromkeys(
        ("Ready", "CredentialsValid", "UpstreamsAvailable", "QuotaAvailable", "RuntimeAvailable"), "True"
    )


async def test_a_dead_account_is_the_users_trouble_and_heals_when_it_is_connected_again(
    ready: Operated, pipedream: Sandbox
) -> None:
    account = ready.status()["services"][0]["account"]["id"]
    await pipedream.admin.set_account(account, dead=True)
    await eventually(lambda: ready.ready() == ("False", "CredentialInvalid"))
    assert ready.status()["conditions"][0]["message"] == (
        "SendGrid: the account of user-42 is dead; connect it again: `pipewise connect user-42 sendgrid`"
    )
    assert ready.status()["mode"] == "Demo"
    await pipedream.admin.set_account(account, dead=False)
    await eventually(lambda: ready.ready() == ("True", "Ready"))


async def test_a_further_binding_of_a_user_without_an_account_is_judged_as_soon_as_the_first(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.project(pipedream.api_url, accountPollInterval="10m")
    operated.report(agents=["coordinator", "meeting-scheduler"])
    operated.binding("first", "nobody")
    await eventually(lambda: operated.ready("first") == ("False", "CredentialInvalid"))
    asked = await account_requests(pipedream)

    async def waits_for_eight_seconds() -> bool:
        return await account_requests(pipedream) >= asked + 2

    await eventually(waits_for_eight_seconds, within=20)
    operated.binding("second", "nobody", agent="meeting-scheduler")
    await eventually(lambda: operated.ready("second") == ("False", "CredentialInvalid"), within=5)


async def test_a_failed_call_has_the_account_looked_at_without_waiting_for_the_next_listing(
    operated: Operated, pipedream: Sandbox
) -> None:
    operated.project(pipedream.api_url, accountPollInterval="1h")
    operated.binding()
    await eventually(lambda: operated.ready() == ("True", "Ready"))
    account = operated.status()["services"][0]["account"]["id"]
    await pipedream.admin.set_account(account, dead=True)
    operated.report(exceptions=[exception("b", "CredentialInvalid")])
    await eventually(lambda: operated.status()["services"][0]["account"]["state"] == "Dead")
    await pipedream.admin.set_account(account, dead=False)
    await eventually(lambda: operated.ready() == ("True", "Ready"), within=10)


async def test_a_provider_outage_is_told_once_on_the_project_however_many_it_touches(
    ready: Operated, pipedream: Sandbox
) -> None:
    for number in range(3):
        await pipedream.admin.add_account(f"user-{number}", "sendgrid")
        ready.binding(f"b{number}", f"user-{number}")
    await eventually(lambda: all(ready.ready(f"b{number}")[0] == "True" for number in range(3)))
    ready.report(providers=[provider("sendgrid", "Unavailable", message="HTTP 503", breaker="Open")])
    await eventually(lambda: ready.ready("b2") == ("False", "UpstreamUnavailable"))
    assert condition(ready.status(), "CredentialsValid") == ("True", "Valid")
    assert ready.status()["services"][0]["breaker"] == "Open"
    assert ready.metric("pipewise_provider_unavailable", app="sendgrid") == 1
    ready.report()
    await eventually(lambda: ready.ready("b2") == ("True", "Ready"))
    await eventually(lambda: len(ready.events()) >= 2)
    told = ready.events()
    assert [(event["involvedObject"]["kind"], event["type"], event["reason"]) for event in told] == [
        ("PipedreamProject", "Warning", "UpstreamUnavailable"),
        ("PipedreamProject", "Normal", "Ready"),
    ]
    assert told[0]["message"].startswith("4 bindings: SendGrid: HTTP 503")


async def test_a_used_up_quota_is_told_with_its_end_and_clears_by_itself(ready: Operated) -> None:
    until = timestamp(datetime.now(UTC) + timedelta(seconds=3))
    told = {"project": "default", "quotaExhaustedUntil": until, "quotaRetryAt": until}
    ready.report(projects=[told])
    await eventually(lambda: ready.ready() == ("False", "QuotaExhausted"), within=2)
    quota = ready.namespace.get("pipedreamproject", "default")["status"]["quota"]
    assert (quota["exhaustedUntil"], quota["retryAt"]) == (until, until), "for the other runtimes to obey"
    assert ready.project_condition("QuotaAvailable") == ("False", "QuotaExhausted")
    assert until in ready.status()["conditions"][0]["message"]
    await eventually(lambda: ready.ready() == ("True", "Ready"))
    await eventually(lambda: ready.project_condition("QuotaAvailable")[0] == "True")


async def test_a_used_up_share_is_told_of_who_was_refused_and_clears_by_itself(
    ready: Operated, pipedream: Sandbox
) -> None:
    await pipedream.admin.add_account("user-2", "sendgrid")
    ready.binding("b2", user="user-2")
    await eventually(lambda: ready.ready("b2") == ("True", "Ready"))
    until = timestamp(datetime.now(UTC) + timedelta(seconds=6))
    share = {"project": "default", "shareUsedUntil": until, "runsAllowed": 2000}
    ready.report(projects=[share], exceptions=[{**exception("b", "QuotaExhausted"), "until": until}])
    await eventually(lambda: ready.ready() == ("False", "QuotaExhausted"))
    await eventually(lambda: ready.project_condition("QuotaAvailable") == ("False", "QuotaExhausted"))
    assert ready.metric("pipewise_project_quota_exhausted", project="default") == 1
    assert ready.ready("b2") == ("True", "Ready"), "nobody refused a call of this one"
    await eventually(lambda: ready.ready() == ("True", "Ready"), within=15)
    await eventually(lambda: ready.project_condition("QuotaAvailable")[0] == "True")
    assert ready.metric("pipewise_project_quota_exhausted", project="default") == 0


async def test_a_runtime_is_as_ready_as_its_pod(ready: Operated) -> None:
    ready.namespace.kubectl("delete", "mcpruntime", "r")
    await eventually(lambda: ready.ready() == ("False", "RuntimeUnavailable"))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "agent", "labels": {"mcp.pipewise.io/inject": "true"}},
        "spec": {"containers": [{"name": "agent", "image": "agent"}]},
    }
    ready.namespace.apply(pod)
    ready.runtime("agent", pod="agent")
    ready.report("agent")
    assert ready.ready() == ("False", "RuntimeUnavailable")
    pod_status(ready.namespace, "agent", "True")
    await eventually(lambda: ready.ready() == ("True", "Ready"))
    pod_status(ready.namespace, "agent", "False")
    await eventually(lambda: ready.ready() == ("False", "RuntimeUnavailable"))


async def test_the_older_of_two_bindings_serves_and_the_younger_takes_over(ready: Operated) -> None:
    ready.binding("second")
    await eventually(lambda: ready.ready("second") == ("False", "Conflict"))
    assert ready.ready("b") == ("True", "Ready")
    ready.namespace.kubectl("delete", "agentmcpbinding", "b")
    await eventually(lambda: ready.ready("second") == ("True", "Ready"))


async def test_pausing_changes_ready_alone(ready: Operated) -> None:
    before = ready.status()
    ready.binding(paused=True)
    await eventually(lambda: ready.ready() == ("False", "Paused"))
    assert ready.status()["services"] == before["services"]
    ready.binding(paused=False)
    await eventually(lambda: ready.ready() == ("True", "Ready"))


async def test_what_a_binding_lacks_is_named(operated: Operated) -> None:
    operated.binding("no-profile", agent="nobody", services=[])
    operated.binding("no-project", user="other", projectRef="absent")
    await eventually(lambda: operated.ready("no-profile") == ("False", "ProfileNotFound"))
    await eventually(lambda: operated.ready("no-project") == ("False", "ProjectNotFound"))


async def test_a_new_spec_is_not_judged_by_an_old_report(ready: Operated) -> None:
    version = ready.namespace.get("agentmcpbinding", "b")["metadata"]["resourceVersion"]
    ready.report(synced=version)
    both = [{"name": app, "app": app} for app in ("sendgrid", "twitter")]
    changed = ready.binding(services=both, demo="Never")
    await eventually(lambda: condition(ready.status(), "RuntimeAvailable")[0] == "Unknown")
    ready.report(synced=changed["metadata"]["resourceVersion"])
    await eventually(lambda: condition(ready.status(), "RuntimeAvailable")[0] == "True")
    assert ready.ready() == ("False", "CredentialInvalid")


@pytest.fixture(autouse=True)
def _no_errors_are_logged(operated: Operated) -> Iterator[None]:
    yield
    assert '"level": "error"' not in operated.program.log
