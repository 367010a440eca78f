"""Promise: a labelled pod gets its runtime, calls through it, and outlives the runtime's sudden end."""

from collections.abc import Iterator
from functools import partial

import pytest

from support.agent_pods import AgentPod, agent_pod, asking_pod
from support.eventually import eventually_sync
from support.kind import Kind
from support.mcp_wire import MAIL, SEND
from support.release import AGENTS, Release, SandboxInside, binding
from support.timings import Timings

pytestmark = pytest.mark.e2e

SIDECAR = "pipewise-runtime"
USER = "sidonia"
URL = f"http://127.0.0.1:8720/agents/coordinator/users/{USER}/mcp"


@pytest.fixture(scope="module")
def injected(kind: Kind, release: Release, agent: AgentPod, timings: Timings) -> Iterator[AgentPod]:
    """An agent's pod with a sidecar, and a binding that it serves."""
    SandboxInside(agent).connect(USER)
    image = release.pods("sandbox")[0]["spec"]["containers"][0]["image"]
    manifest = asking_pod("injected", image)
    services = [{"name": "sendgrid", "app": "sendgrid"}]
    kind.apply(AGENTS, binding("sidecar", agent="coordinator", user=USER, services=services, demo="Never"))
    with timings.taking("injection: pod created until it is ready with its sidecar"):
        kind.apply(AGENTS, manifest)
        kind.kubectl("wait", "--for=condition=Ready", "pod/injected", "--timeout=90s", namespace=AGENTS)
    yield AgentPod(kind, AGENTS, "injected")
    kind.kubectl("delete", "pod", "injected", namespace=AGENTS)


def test_an_injected_pod_calls_its_tools_on_loopback(
    release: Release, injected: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    with timings.taking("sidecar: pod ready until its binding is Ready"):
        eventually_sync(lambda: release.ready("sidecar") == ("True", "Ready"), within=60)
    with timings.taking("sidecar: first call"):
        answer = injected.call(URL, SEND, **MAIL)
    assert not answer.failed, answer.text
    assert sandbox.runs(USER) == 1


def test_a_killed_sidecar_comes_back_and_the_agent_stays(
    release: Release, injected: AgentPod, sandbox: SandboxInside, timings: Timings
) -> None:
    eventually_sync(lambda: release.ready("sidecar") == ("True", "Ready"), within=60)
    runs = sandbox.runs(USER)
    pod = release.cluster.get("pod", "injected", AGENTS)
    restarts = partial(_restarts, release.cluster)
    before, sidecars = restarts("containerStatuses"), restarts("initContainerStatuses")
    release.cluster.kill_container(pod, SIDECAR)
    with timings.taking("heal: a sidecar killed until a call works again"):
        eventually_sync(lambda: restarts("initContainerStatuses") > sidecars, within=60)
        eventually_sync(lambda: not injected.call(URL, SEND, **MAIL).failed, within=60)
    assert sandbox.runs(USER) == runs + 1
    assert restarts("containerStatuses") == before
    eventually_sync(lambda: release.ready("sidecar") == ("True", "Ready"), within=60)


def test_a_pod_that_asks_for_no_agent_is_refused_with_the_reason(kind: Kind, release: Release) -> None:
    assert release
    manifest = agent_pod("nobodys", "pipewise-runtime:none", labels={"mcp.pipewise.io/inject": "true"})
    with pytest.raises(AssertionError, match=r"mcp\.pipewise\.io/agents"):
        kind.apply(AGENTS, manifest)


def _restarts(cluster: Kind, statuses: str) -> int:
    pod = cluster.get("pod", "injected", AGENTS)
    return sum(each["restartCount"] for each in pod["status"][statuses])
