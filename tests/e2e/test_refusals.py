"""Promise: whoever takes over a runtime cannot read secrets, change bindings, or write for other runtimes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.kind import Kind
from support.release import AGENTS, Release, SandboxInside

pytestmark = pytest.mark.e2e

API = "https://kubernetes.default.svc"
OURS = f"{API}/apis/mcp.pipewise.io/v1alpha1/namespaces/{{namespace}}"
MERGE = {"content-type": "application/merge-patch+json"}
REFUSED = [
    ("GET", f"{API}/api/v1/namespaces/{{namespace}}/secrets", None),
    ("GET", f"{API}/api/v1/namespaces/{{namespace}}/secrets/pipedream-client", None),
    ("GET", f"{API}/api/v1/namespaces/kube-system/secrets", None),
    ("PATCH", f"{OURS}/agentmcpbindings/coordinator-ruben", {"spec": {"paused": True}}),
    ("PATCH", f"{OURS}/agentmcpbindings/coordinator-ruben/status", {"status": {"mode": "Live"}}),
    ("PATCH", f"{OURS}/pipedreamprojects/default", {"spec": {"projectID": "proj_mine"}}),
    ("DELETE", f"{OURS}/mcpruntimes/any", None),
    ("GET", f"{API}/api/v1/namespaces/{{namespace}}/pods", None),
]


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A managed runtime's container, and the token of its ServiceAccount, in the wrong hands."""

    container: AgentPod
    bearer: Mapping[str, str]

    def ask(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> tuple[int, str]:
        """One request to the API server; the status and the text of its answer."""
        headers = {**self.bearer, **(MERGE if method == "PATCH" else {})}
        return self.container.request(method, url.format(namespace=AGENTS), body, headers)


@pytest.fixture(scope="module")
def taken_over(release: Release, agent: AgentPod) -> TakenOver:
    """The runtime of a binding that is Ready."""
    SandboxInside(agent).connect("ruben")
    name = release.bind("ruben")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=60)
    (pod,) = release.pods("runtime")
    inside = AgentPod(release.cluster, AGENTS, pod["metadata"]["name"], "runtime")
    credentials = "/var/run/secrets/kubernetes.io/serviceaccount"
    token = release.cluster.kubectl(
        "exec",
        inside.name,
        "--",
        "python",
        "-c",
        f"print(open('{credentials}/token').read())",
        namespace=AGENTS,
    ).strip()
    return TakenOver(inside, {"authorization": f"Bearer {token}"})


def test_the_api_server_refuses_a_runtime_what_is_not_its_own(taken_over: TakenOver) -> None:
    allowed = []
    for method, url, body in REFUSED:
        status, text = taken_over.ask(method, url, body)
        if status != 403:
            allowed.append((method, url, status, text[:200]))
    assert allowed == []
    status, _ = taken_over.ask("GET", f"{OURS}/agentmcpbindings")
    assert status == 200


def test_the_api_server_refuses_a_runtime_to_report_for_another(kind: Kind, taken_over: TakenOver) -> None:
    another = {
        "apiVersion": "mcp.pipewise.io/v1alpha1",
        "kind": "MCPRuntime",
        "metadata": {"name": "another"},
    }
    third = {**another, "metadata": {"name": "third"}}
    kind.apply(AGENTS, another)
    try:
        posing = [
            taken_over.ask("PATCH", f"{OURS}/mcpruntimes/another/status", {"status": {"agents": ["any"]}}),
            taken_over.ask("POST", f"{OURS}/mcpruntimes", third),
        ]
        # RBAC lets both through; it is the chart's admission policy that says so.
        assert [status for status, _ in posing] == [422, 422], posing
        assert all("writes only the MCPRuntime of that name" in text for _, text in posing), posing
    finally:
        kind.kubectl("delete", "mcpruntime", "another", "third", "--ignore-not-found", namespace=AGENTS)
