"""Promise: uninstalling leaves the three kinds and what users made, and a new install takes that up again."""

import pytest

from support.agent_pods import AgentPod
from support.eventually import eventually_sync
from support.release import AGENTS, Release, SandboxInside
from support.timings import Timings

pytestmark = pytest.mark.e2e

KINDS = (
    "deployments,replicasets,pods,services,endpointslices,secrets,configmaps,serviceaccounts,roles,rolebindings,"
    "leases,networkpolicies,poddisruptionbudgets,pipedreamprojects,mcpruntimes"
)
CLUSTER_KINDS = (
    "clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings"
)
TENANTS_KINDS = (
    "deployments,replicasets,pods,services,serviceaccounts,networkpolicies,poddisruptionbudgets,roles,rolebindings,"
    "secrets"
)
TOKENS = {"secret/default-pipedream-token"}
"""What belongs to a user's project, goes with it, and is worth nothing within the hour."""
KUBERNETES_OWN = {"serviceaccount/default", "configmap/kube-root-ca.crt"}


def test_uninstalling_leaves_nothing_but_the_kinds_and_the_users_objects(
    release: Release, agent: AgentPod, timings: Timings
) -> None:
    SandboxInside(agent).connect("uta")
    name = release.bind("uta")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=30)
    assert "deployment.apps/pipewise-runtime-0" in _made_for_users(release)
    try:
        with timings.taking("helm uninstall until everything is gone, in the users' namespaces too"):
            release.uninstall()
            eventually_sync(lambda: _nothing_left(release), within=90)
            eventually_sync(lambda: _made_for_users(release) == TOKENS, within=90)
        kinds = release.cluster.kubectl("get", "crds", "-o", "name")
        assert kinds.count(".mcp.pipewise.io") == 3
        assert release.cluster.get("amb", name, AGENTS)["spec"]["user"] == "uta"
    finally:
        release.install()

    SandboxInside(agent).connect("uta")
    eventually_sync(lambda: release.ready(name) == ("True", "Ready"), within=60)


def _nothing_left(release: Release) -> bool:
    """Whether the namespace holds nothing but Kubernetes' own, and the cluster nothing of our name."""
    kubectl = release.cluster.kubectl
    inside = kubectl("get", KINDS, "-o", "name", namespace=release.namespace).split()
    everywhere = kubectl("get", CLUSTER_KINDS, "-o", "name").split()
    left = [
        *(name for name in inside if name not in KUBERNETES_OWN),
        *(name for name in everywhere if "pipewise" in name),
    ]
    assert left == []
    return True


def _made_for_users(release: Release) -> set[str]:
    """What the operator has made in the users' namespace."""
    selection = "app.kubernetes.io/managed-by=pipewise-operator"
    found = release.cluster.kubectl(
        "get", TENANTS_KINDS, "-o", "name", "--selector", selection, namespace=AGENTS
    )
    return set(found.split())
