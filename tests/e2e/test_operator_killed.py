"""Promise: the leading operator may die at any time: calls and the webhook go on, the other one judges."""

import pytest

from support.agent_pods import AgentPod, asking_pod
from support.eventually import eventually_sync
from support.release import AGENTS, NAME, Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e

READ = "google_calendar-list-events"


def test_calls_go_on_and_the_other_operator_takes_over(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    sandbox.connect("otto", "google_calendar")
    name = release.bind("otto", "google_calendar")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    (leader,) = [pod for pod in release.pods("operator") if pod["metadata"]["name"] == _leader(release)]

    with agent.calling(release.endpoint(name), READ) as called:
        release.cluster.kill_container(leader, "operator")
        pod = release.cluster.admitted(AGENTS, asking_pod("asked-meanwhile", "agent:1"))
        assert pod["spec"]["initContainers"][0]["name"] == "pipewise-runtime"
        with timings.taking("takeover: the leading operator killed until a change is judged"):
            generation = _change(release, name)
            eventually_sync(lambda: release.status(name)["observedGeneration"] == generation, within=60)
        eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    assert _leader(release) != leader["metadata"]["name"]
    assert called.count > 0
    assert list(called.problems) == []


def _leader(release: Release) -> str:
    """The pod that holds the operators' Lease."""
    lease = release.cluster.get("lease", f"{NAME}-operator", release.namespace)
    holder: str = lease["spec"]["holderIdentity"]
    return holder.rpartition("_")[0]


def _change(release: Release, name: str) -> int:
    """Change a binding; its new generation."""
    patch = '{"spec": {"resilience": {"maxRetries": 2}}}'
    where = AGENTS
    release.cluster.kubectl("patch", "amb", name, "--type=merge", f"--patch={patch}", namespace=where)
    generation: int = release.cluster.get("amb", name, where)["metadata"]["generation"]
    return generation
