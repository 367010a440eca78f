"""One cluster for the whole run: our images on its nodes, the chart installed, an agent's pod beside it."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.agent_pods import AgentPod, agent_pod
from support.kind import Kind, made_by_kind
from support.release import AGENTS, NAMESPACE, Release, SandboxInside, tenant
from support.timings import Timings

ROOT = Path(__file__).parents[2]
_TIMINGS = pytest.StashKey[Timings]()
_VERSION = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
TAG = _VERSION[1] if _VERSION else ""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TIMINGS] = Timings()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    timings = config.stash[_TIMINGS]
    if timings.seconds:
        terminalreporter.section("times")
        terminalreporter.write("\n".join(timings.lines()) + "\n")
        timings.write(ROOT / "build" / "e2e.json")


@pytest.fixture(scope="session")
def timings(request: pytest.FixtureRequest) -> Timings:
    """Where tests note how long something took."""
    return request.config.stash[_TIMINGS]


@pytest.fixture(scope="session")
def tag() -> str:
    """The version that our images are tagged with."""
    return TAG


@pytest.fixture(scope="session")
def kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, timings: Timings
) -> Iterator[Kind]:
    """The cluster of --kubeconfig, else one made by kind for this run, with our images."""
    option = request.config.getoption
    if given := option("kubeconfig"):
        cluster = Kind(Path(given).absolute())
        cluster.load(f"pipewise-operator:{TAG}", f"pipewise-runtime:{TAG}")
        yield cluster
        return
    name = option("cluster_name")
    # The plugin's own default would be shared with every other project that uses it.
    name = "pipewise-e2e" if name == "pytest-kind" else name
    folder = tmp_path_factory.mktemp("kind")
    began = time.monotonic()
    with made_by_kind(name, folder, keep=option("keep_cluster")) as cluster:
        timings.seconds["a cluster by kind, until its DNS answers"] = time.monotonic() - began
        with timings.taking("both images on the node"):
            cluster.load(f"pipewise-operator:{TAG}", f"pipewise-runtime:{TAG}")
        if option("keep_cluster"):
            (ROOT / "build").mkdir(exist_ok=True)
            shutil.copy(cluster.kubeconfig, ROOT / "build" / "e2e.kubeconfig")
        yield cluster


@pytest.fixture(scope="session")
def release(kind: Kind, timings: Timings) -> Release:
    """The chart, installed with the sandbox where only restricted pods are admitted."""
    installed = Release(kind)
    for name in (AGENTS, NAMESPACE):
        _take_over(installed, name)
    with timings.taking("install: helm install until all pods are ready"):
        installed.install()
    kind.apply(AGENTS, *tenant())
    return installed


@pytest.fixture(scope="session")
def agent(kind: Kind, release: Release) -> AgentPod:
    """A pod of the namespace `agents` that may be told to make requests."""
    assert release
    kind.apply(AGENTS, agent_pod("agent", f"pipewise-runtime:{TAG}"))
    kind.kubectl("wait", "--for=condition=Ready", "pod/agent", "--timeout=60s", namespace=AGENTS)
    return AgentPod(kind, AGENTS, "agent")


@pytest.fixture
def sandbox(agent: AgentPod) -> Iterator[SandboxInside]:
    """The release's sandbox; its faults end with the test."""
    inside = SandboxInside(agent)
    yield inside
    inside.admin("DELETE", "/faults")


def _take_over(release: Release, namespace: str) -> None:
    """Make a namespace, anew if it is an earlier run's; refuse one that is somebody's."""
    mark = {"mcp.pipewise.io/e2e": "true"}
    kind = release.cluster
    if there := kind.kubectl("get", "namespace", namespace, "-o", "json", "--ignore-not-found"):
        labels = json.loads(there)["metadata"]["labels"]
        assert mark.items() <= labels.items(), f"the namespace {namespace} is in use: give another cluster"
        if namespace == release.namespace:
            release.uninstall()
        kind.kubectl("delete", "namespace", namespace)
    labels = {"pod-security.kubernetes.io/enforce": "restricted", **mark}
    metadata = {"name": namespace, "labels": labels}
    kind.apply("", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
