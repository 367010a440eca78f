"""Promise: a revoked account is told before anybody calls, and its mending is noticed."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, NAME, NAMESPACE, SANDBOX_URL, Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e


def test_a_dead_account_is_told_and_its_mending_too(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    account = sandbox.connect("rosa")
    name = release.bind("rosa", demo="Never")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)

    sandbox.admin("PATCH", f"/accounts/{account}", {"dead": True, "healthy": False})
    with timings.taking("an account revoked until the status tells it (accounts are listed every 10 s)"):
        eventually_sync(lambda: release.ready(name) == ("False", "CredentialInvalid"), within=30)
    answer = agent.call(release.endpoint(name), SEND, **MAIL)
    assert answer.failed
    assert answer.details["connectURL"] in answer.text
    assert sandbox.runs("rosa") == 0

    inside = ("exec", f"deployment/{NAME}-operator", "--", "pipewise", "connect", "-n", AGENTS)
    link = release.cluster.kubectl(*inside, "rosa", "sendgrid", namespace=NAMESPACE)
    assert link.startswith(f"{SANDBOX_URL}/_static/connect.html?token=")

    sandbox.admin("PATCH", f"/accounts/{account}", {"dead": False, "healthy": True})
    with timings.taking("heal: an account mended until Ready"):
        eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    assert not agent.call(release.endpoint(name), SEND, **MAIL).failed
    assert sandbox.runs("rosa") == 1
