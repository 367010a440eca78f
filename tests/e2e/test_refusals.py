"""Promise: whoever takes over a runtime cannot read secrets, change bindings, or write for other runtimes."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
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


def test_the_api_server_refuses_a_runtime_what_is_not_its_own(
    release: Release, sandbox: SandboxInside
) -> None:
    sandbox.connect("ruben")
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
    bearer = {"authorization": f"Bearer {token}"}
    allowed = []
    for method, url, body in REFUSED:
        headers = {**bearer, **(MERGE if method == "PATCH" else {})}
        status, text = inside.request(method, url.format(namespace=AGENTS), body, headers)
        if status != 403:
            allowed.append((method, url, status, text[:200]))
    assert allowed == []
    status, _ = inside.request("GET", f"{OURS.format(namespace=AGENTS)}/agentmcpbindings", None, bearer)
    assert status == 200
