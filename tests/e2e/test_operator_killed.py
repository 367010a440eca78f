"""Promise: the operator may die at any time; calls go on, and what changed meanwhile is judged afterwards."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.release import Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e

READ = "google_calendar-list-events"


def test_calls_go_on_and_another_operator_takes_over(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    sandbox.connect("otto", "google_calendar")
    name = release.bind("otto", "google_calendar")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    before = {pod["metadata"]["uid"] for pod in release.pods("operator")}

    with agent.calling(release.endpoint("coordinator", "otto"), READ) as called:
        for pod in release.pods("operator"):
            release.cluster.kill_container(pod, "operator")
        generation = _change(release, name)
        with timings.taking("takeover: operator killed until a change is judged"):
            eventually_sync(lambda: release.status(name)["observedGeneration"] == generation, within=60)
        eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    assert called.count > 0
    assert list(called.problems) == []
    assert {pod["metadata"]["uid"] for pod in release.pods("operator")} == before


def _change(release: Release, name: str) -> int:
    """Change a binding; its new generation."""
    patch = '{"spec": {"resilience": {"maxRetries": 2}}}'
    where = release.namespace
    release.cluster.kubectl("patch", "amb", name, "--type=merge", f"--patch={patch}", namespace=where)
    generation: int = release.cluster.get("amb", name, where)["metadata"]["generation"]
    return generation
