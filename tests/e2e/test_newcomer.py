"""Promise: a new user is served without a restart of any pod."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.mcp_wire import MAIL, SEND
from support.release import Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e


def lives(release: Release) -> list[tuple[str, int]]:
    """The pods of all programs, with how often each was restarted."""
    pods = [pod for part in ("operator", "runtime", "sandbox") for pod in release.pods(part)]
    return [
        (pod["metadata"]["uid"], state["restartCount"])
        for pod in pods
        for state in pod["status"]["containerStatuses"]
    ]


def test_a_new_user_is_served_by_the_pods_that_are_there(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    first = release.bind("somebody")
    eventually_sync(lambda: release.ready(first)[1] == "CredentialInvalid", within=60)
    sandbox.connect("new-user")
    before = lives(release)

    def is_served() -> bool:
        url = release.endpoint(name)
        return bool(url) and not agent.call(url, SEND, **MAIL).failed

    with timings.taking("a new user: binding applied until a call works"):
        name = release.bind("new-user", demo="Never")
        eventually_sync(is_served, within=15)
    assert sandbox.runs("new-user") == 1
    assert lives(release) == before
