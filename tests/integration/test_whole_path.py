"""From `kubectl apply` to a tool call: operator, runtime and sandbox together on a real API server."""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mcp import Client

from pipewise_crds import API_VERSION, endpoint_path
from support.cluster import Namespace
from support.deployed import Deployed, binding_manifest, deployed
from support.eventually import eventually_sync
from support.sandbox import CLIENT_SECRET

READY = ("True", "Ready")
IDLE_SECONDS = 60.0


@pytest.fixture
def stage(namespace: Namespace, tmp_path: Path) -> Iterator[Deployed]:
    with deployed(namespace, tmp_path) as running:
        yield running


def test_a_hundred_bindings_created_at_once_are_ready_within_three_seconds(stage: Deployed) -> None:
    users = [f"user-{number}" for number in range(100)]
    stage.connect(users, "sendgrid", "twitter")
    stage.namespace.apply(binding_manifest("first", users[0]))
    eventually_sync(lambda: stage.ready() == {"first": READY}, within=15)

    api, name = stage.namespace.cluster.api, stage.namespace.name
    path = f"/apis/{API_VERSION}/namespaces/{name}/agentmcpbindings"
    before = stage.writes()["agentmcpbindings"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda user: api.json("POST", path, binding_manifest(user, user)), users[1:]))
    created = time.monotonic()
    eventually_sync(lambda: _only(READY, stage, 100), within=15)
    ready = time.monotonic()
    assert ready - created <= 3
    assert stage.writes()["agentmcpbindings"] - before <= 3 * len(users[1:]), "one to create, two statuses"


def test_an_idle_minute_writes_no_binding_and_no_project_and_at_most_one_report(stage: Deployed) -> None:
    stage.connect(["user-1", "user-2"], "sendgrid", "twitter")
    stage.namespace.apply(binding_manifest("one", "user-1"), binding_manifest("two", "user-2"))
    eventually_sync(lambda: stage.ready() == {"one": READY, "two": READY}, within=15)
    before = _at_rest(stage)
    ends = time.monotonic() + IDLE_SECONDS
    eventually_sync(lambda: time.monotonic() >= ends, within=IDLE_SECONDS + 5)
    after = stage.writes()
    assert after["agentmcpbindings"] == before["agentmcpbindings"]
    assert after["pipedreamprojects"] == before["pipedreamprojects"]
    assert after["mcpruntimes"] - before["mcpruntimes"] <= 1


def test_no_secret_header_or_argument_appears_in_logs_objects_or_metrics(stage: Deployed) -> None:
    stage.connect(["user-1"], "sendgrid", "twitter")
    stage.namespace.apply(binding_manifest("one", "user-1", demo="Never"))
    eventually_sync(lambda: stage.ready() == {"one": READY}, within=15)
    marker = "a-marker-that-nobody-may-log"
    link = asyncio.run(_send_and_fail(stage, marker))
    token = stage.namespace.get("secret", "default-pipedream-token")["data"]["token"]
    programs = (stage.operator, stage.runtime)
    logs = "\n".join(program.log + program.stdout for program in programs)
    metrics = "\n".join(stage.metrics(program) for program in programs)
    assert "call_failed" in stage.runtime.log
    connect_token = link.rpartition("token=")[2].partition("&")[0]
    for secret in (CLIENT_SECRET, marker, "Bearer", base64.b64decode(token).decode(), connect_token):
        assert secret not in logs + metrics + stage.objects()
    assert "user-1" not in metrics


def _only(wanted: tuple[str, str], stage: Deployed, count: int) -> bool:
    """Whether there are so many bindings, all with this status and reason; else says what there is."""
    found = Counter(stage.ready().values())
    assert found == {wanted: count}
    return True


async def _send_and_fail(stage: Deployed, marker: str) -> str:
    """A mail that goes out, one whose fate is unknown, one that asks for an account; returns the link."""
    mail = {"fromEmail": f"{marker}@x.io", "toEmail": "b@y.io", "subject": marker, "content": marker}
    url = stage.runtime.url("serving agents") + endpoint_path("coordinator", "user-1")
    async with Client(url) as client:
        assert not (await client.call_tool("sendgrid-send-email-single-recipient", mail)).is_error
        stage.admin("POST", "/faults", {"kind": "drop", "when": "after", "method": "tools/call", "times": 1})
        assert (await client.call_tool("sendgrid-send-email-single-recipient", mail)).is_error
        account = next(each for each in stage.admin("GET", "/state")["accounts"] if each["app"] == "twitter")
        stage.admin("PATCH", f"/accounts/{account['id']}", {"dead": True, "healthy": False})
        refused = await client.call_tool("twitter-create-tweet", {"text": marker})
    assert refused.structured_content is not None
    link: str = refused.structured_content["connectURL"]
    return link


def _at_rest(stage: Deployed) -> dict[str, float]:
    """The writes so far, once nothing was written for two seconds."""
    last, since = dict(stage.writes()), time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        now = dict(stage.writes())
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since >= 2

    eventually_sync(quiet, within=20)
    return last
