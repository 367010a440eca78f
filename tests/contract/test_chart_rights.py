"""The rights the chart grants: what the programs do, and nothing else; asked of a real API server."""

import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipewise_operator.desired.identities import identities
from support.chart import RELEASE, named, objects
from support.cluster import Namespace
from support.eventually import eventually_sync
from support.programs import Program
from support.rights import assert_rights


@pytest.fixture
def granted(namespace: Namespace) -> Namespace:
    """A namespace in which the chart's Roles are in force."""
    found = objects(f"operator.namespaces={{{namespace}}}", namespace=namespace.name)
    wanted = ("ServiceAccount", "Role", "RoleBinding")
    namespace.apply(*[each for each in found if each["kind"] in wanted])
    namespace.apply(*identities(namespace.name, [RUNTIME], ["default"]))
    return namespace


RUNTIME = "agents"
"""A ServiceAccount whose pods hold runtimes."""
LEASE = f"leases/{RELEASE}-pipewise-mcp-operator"
OPERATOR_MAY = [
    *[
        f"{verb} {kind}"
        for verb in ("get", "list", "watch")
        for kind in ("agentmcpbindings", "pods", "mcpruntimes")
    ],
    "patch agentmcpbindings/status",
    "patch pipedreamprojects/status",
    "patch mcpruntimes",
    "get secrets/anything",
    "create secrets",
    "patch secrets/default-pipedream-token",
    "create events",
    "create leases",
    *[f"{verb} {LEASE}" for verb in ("get", "update")],
    *[
        f"{verb} {kind}"
        for verb in ("list", "create", "patch", "delete")
        for kind in ("roles", "deployments")
    ],
    # Held, so that it may be granted to runtimes.
    "create mcpruntimes",
    "patch mcpruntimes/status",
]
OPERATOR_MAY_NOT = [
    "list secrets",
    "watch secrets",
    "delete secrets",
    "patch agentmcpbindings",
    "delete agentmcpbindings",
    "delete mcpruntimes",
    "escalate roles",
    "bind roles",
    "get serviceaccounts",
    "delete leases",
    f"delete {LEASE}",
    "update leases/another",
    "patch events",
    "create pods",
    "delete pods",
]
RUNTIME_MAY = [
    *[
        f"{verb} {kind}"
        for verb in ("get", "list", "watch")
        for kind in ("agentmcpbindings", "pipedreamprojects")
    ],
    "create mcpruntimes",
    "watch mcpruntimes",
    "patch mcpruntimes/status",
    "get secrets/default-pipedream-token",
]
RUNTIME_MAY_NOT = [
    "get secrets/pipedream",
    "list secrets",
    "patch secrets/default-pipedream-token",
    "patch agentmcpbindings/status",
    "patch agentmcpbindings",
    "patch mcpruntimes",
    "delete mcpruntimes",
    "list pods",
]


def test_the_operator_may_do_what_it_does_and_nothing_else(granted: Namespace) -> None:
    account = f"{RELEASE}-pipewise-mcp-operator"
    assert_rights(granted, account, has=OPERATOR_MAY, lacks=OPERATOR_MAY_NOT)


def test_a_runtime_may_do_what_it_does_and_nothing_else(granted: Namespace) -> None:
    assert_rights(granted, RUNTIME, has=RUNTIME_MAY, lacks=RUNTIME_MAY_NOT)


def test_the_operator_has_the_same_rights_in_all_namespaces_or_in_some() -> None:
    everywhere = named(objects(), "ClusterRole", "-operator")["rules"]
    some = [each for each in objects("operator.namespaces={sales,ops}") if each["kind"] == "Role"]
    roles = [role for role in some if role["metadata"]["name"].endswith("-operator")]
    assert sorted(role["metadata"]["namespace"] for role in roles) == ["ops", "sales"]
    assert all(role["rules"] == everywhere[:-4] for role in roles)
    assert [rule["resources"][0] for rule in everywhere[-4:]] == [
        "customresourcedefinitions",
        "clusterrolebindings",
        "clusterroles",
        "validatingadmissionpolicies",
    ]


def test_an_operator_of_some_namespaces_has_no_right_elsewhere_but_to_see_its_own_policy() -> None:
    found = objects("operator.namespaces={sales}")
    (rule,) = named(found, "ClusterRole", "-operator")["rules"]
    policy = named(found, "ValidatingAdmissionPolicy", "-own-runtime")["metadata"]["name"]
    assert rule == {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["validatingadmissionpolicies"],
        "resourceNames": [policy],
        "verbs": ["get"],
    }
    (operator,) = named(found, "Deployment", "-operator")["spec"]["template"]["spec"]["containers"]
    assert f"--owner={policy}" in operator["args"]
    few = ("operator.namespaces={sales}", "webhook.enabled=false", "managed.enabled=false")
    assert not [each for each in objects(*few) if each["kind"].startswith("ClusterRole")]
    assert not [each for each in objects("rbac.create=false") if "Role" in each["kind"]]


def _kubeconfig(namespace: Namespace, account: str, folder: Path) -> Path:
    """The API server as a ServiceAccount sees it."""
    token = namespace.service_account_token(account)
    path = folder / f"{account}.kubeconfig"
    path.write_text(namespace.cluster.plane.kubeconfig_text(token, namespace.name))
    return path


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("options", [(), ("--namespace",)], ids=["all namespaces", "one namespace"])
def test_the_operator_gets_ready_with_these_rights_and_misses_none(
    namespace: Namespace, tmp_path: Path, options: Sequence[str]
) -> None:
    values = f"operator.namespaces={{{namespace}}}" if options else "crds.install=false"
    wanted = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    namespace.apply(*[e for e in objects(values, namespace=namespace.name) if e["kind"] in wanted])
    config = str(_kubeconfig(namespace, f"{RELEASE}-pipewise-mcp-operator", tmp_path))
    scope = [*options, namespace.name] if options else []
    lease = ["--lease", f"{RELEASE}-pipewise-mcp-operator"]
    arguments = ["--metrics", "127.0.0.1:0", "--kubeconfig", config, *lease, *scope]
    with Program("pipewise_operator", arguments, tmp_path) as operator:
        url = operator.url("metrics")
        eventually_sync(lambda: _is_ready(url) and '"event": "leading"' in operator.log, within=15)
    assert "orbidden" not in operator.log
    assert "ermission" not in operator.log


def test_a_runtime_registers_and_gets_ready_with_these_rights_and_misses_none(
    granted: Namespace, tmp_path: Path
) -> None:
    config = str(_kubeconfig(granted, RUNTIME, tmp_path))
    arguments = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--placement", "Managed"]
    pod = {"POD_NAME": "runtime-0", "POD_UID": str(uuid.uuid4()), "POD_NAMESPACE": granted.name}
    with Program("pipewise_runtime", [*arguments, "--kubeconfig", config], tmp_path, pod) as runtime:
        url = runtime.url("metrics")
        eventually_sync(lambda: _is_ready(url), within=15)
        eventually_sync(lambda: any("status" in e for e in granted.items("mcpruntimes")), within=15)
    assert "orbidden" not in runtime.log
