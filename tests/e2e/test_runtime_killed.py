"""Promise: a runtime that dies is told, comes back by itself, and serves its users as before."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.mcp_wire import MAIL, SEND
from support.release import Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e


def test_a_killed_runtime_comes_back_and_serves_without_anybodys_doing(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    sandbox.connect("rita")
    name = release.bind("rita")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    (pod,) = release.pods("runtime")

    def serves() -> bool:
        (now,) = release.pods("runtime")
        (state,) = now["status"]["containerStatuses"]
        is_new = state["restartCount"] > pod["status"]["containerStatuses"][0]["restartCount"]
        return is_new and release.ready(name) == ("True", "Ready")

    release.cluster.kill_container(pod, "runtime")
    with timings.taking("heal: a runtime killed until it is back and its bindings Ready"):
        eventually_sync(serves, within=60)
    answer = agent.call(release.endpoint(name), SEND, **MAIL)
    assert not answer.failed, answer.text
    assert sandbox.runs("rita") == 1
