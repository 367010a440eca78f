"""Promise: an upgrade replaces every pod while calls go on."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.release import AGENTS, Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e

READ = "google_calendar-list-events"


def test_no_call_fails_while_an_upgrade_replaces_the_pods(
    release: Release, agent: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    sandbox.connect("uma", "google_calendar")
    name = release.bind("uma", "google_calendar")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    before = _pods(release)
    with agent.calling(release.endpoint(name), READ) as called:
        with timings.taking("helm upgrade until all pods are replaced and ready"):
            release.install("operator.logLevel=debug", "managed.logLevel=debug")
        eventually_sync(lambda: not _pods(release) & before, within=60)
        eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    assert called.count > 0
    assert list(called.problems) == []


def test_the_reports_of_replaced_runtimes_go_with_their_pods(release: Release) -> None:
    def are_the_pods() -> bool:
        reports = {each["metadata"]["name"] for each in release.cluster.items("mcpruntimes", AGENTS)}
        return reports == {pod["metadata"]["name"] for pod in release.pods("runtime")}

    eventually_sync(are_the_pods, within=60)


def _pods(release: Release) -> set[str]:
    return {pod["metadata"]["uid"] for part in ("operator", "runtime") for pod in release.pods(part)}
