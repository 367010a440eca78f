"""What a compromised sidecar can do with its token: report about itself, and nothing else.

Each attempt is made with the rights and the policy as they are shipped, and once more without the guard that
is to stop it: what is refused by one guard must be possible without it.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from pipewise_cli.controlplane import Api, ApiError
from pipewise_crds import API_VERSION
from pipewise_operator.desired.identities import identities
from support import chart
from support.cluster import Cluster, Namespace
from support.eventually import eventually_sync

ACCOUNT = "agents"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


def admission_path(body: dict[str, Any]) -> str:
    plural = {
        "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
        "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    }[body["kind"]]
    return f"{ADMISSION}/{plural}/{body['metadata']['name']}"


class Sidecar:
    """A pod's ServiceAccount token in the wrong hands."""

    def __init__(self, namespace: Namespace, pod: str) -> None:
        self.namespace, self.pod = namespace, pod
        self.uid = str(namespace.get("pod", pod)["metadata"]["uid"])
        token = namespace.service_account_token(ACCOUNT, pod=pod)
        self.api: Api = namespace.cluster.plane.api_as(token)

    def path(self, plural: str, name: str = "", namespace: str = "") -> str:
        """Where objects are, in its own namespace unless told otherwise."""
        group = {"secrets": "/api/v1", "pods": "/api/v1"}.get(plural, f"/apis/{API_VERSION}")
        return f"{group}/namespaces/{namespace or self.namespace}/{plural}" + (f"/{name}" if name else "")

    def register(self, name: str, owner: tuple[str, str] | None = None, **spec: Any) -> None:  # noqa: ANN401
        """Create an MCPRuntime, owned by its pod unless told otherwise."""
        pod, uid = owner or (self.pod, self.uid)
        owners = [{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}]
        body = {
            "apiVersion": API_VERSION,
            "kind": "MCPRuntime",
            "metadata": {"name": name, "ownerReferences": owners},
            "spec": spec,
        }
        self.api.json("POST", self.path("mcpruntimes"), body)

    def report(self, name: str, namespace: str = "") -> None:
        """Write an MCPRuntime's status."""
        body = {
            "apiVersion": API_VERSION,
            "kind": "MCPRuntime",
            "metadata": {"name": name},
            "status": {"agents": ["everybody"]},
        }
        path = self.path("mcpruntimes", name, namespace) + "/status?fieldManager=pipewise-runtime&force=true"
        self.api.request("PATCH", path, body, APPLY)

    def may(self, method: str, path: str, body: dict[str, Any] | None = None) -> bool:
        """Whether a request is let through, and not forbidden."""
        try:
            self.api.request(method, path, body, *([MERGE] if method == "PATCH" else []))
        except ApiError as error:
            assert error.status == 403, error  # noqa: PT017 - another answer would prove nothing
            return False
        return True


def pod_manifest(name: str) -> dict[str, Any]:
    labels = {"mcp.pipewise.io/inject": "true", "mcp.pipewise.io/runtime": "sidecar"}
    spec = {"serviceAccountName": ACCOUNT, "containers": [{"name": "agent", "image": "agent"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def grant(namespace: Namespace, rule: dict[str, Any]) -> None:
    """Take a guard away: give the sidecars a right that they do not have."""
    name = f"hole-{uuid.uuid4().hex[:8]}"
    rbac = "rbac.authorization.k8s.io"
    namespace.apply(
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": name}, "rules": [rule]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": str(namespace)}],
        },
    )


@pytest.fixture
def sidecar(namespace: Namespace) -> Sidecar:
    """A sidecar with the rights the operator gives it; another one, with the same account, runs beside."""
    secrets = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": "t"}}
        for name in ("default-pipedream-token", "pipedream")
    ]
    namespace.apply(pod_manifest("mine"), pod_manifest("other"), *secrets)
    namespace.apply(*identities(str(namespace), [ACCOUNT], ["default"]))
    return Sidecar(namespace, "mine")


@pytest.fixture
def policy(cluster: Cluster, sidecar: Sidecar) -> Iterator[None]:
    """The chart's admission policy, in force."""
    found = chart.policy("-own-runtime")
    for body in found:
        cluster.api.apply(admission_path(body), body, "tests")
    eventually_sync(lambda: refused(sidecar, "probe"), within=20)
    yield
    for body in reversed(found):
        cluster.api.request("DELETE", admission_path(body))
    eventually_sync(lambda: not refused(sidecar, "probe"), within=20)


def refused(sidecar: Sidecar, name: str) -> bool:
    """Whether the sidecar is kept from registering under a name that is not its pod's."""
    try:
        sidecar.register(name)
    except ApiError as error:
        return error.status == 422 or "own-runtime" in str(error)
    sidecar.namespace.kubectl("delete", "mcpruntime", name)
    return False


@pytest.mark.usefixtures("policy")
def test_a_runtime_registers_and_reports_as_itself(sidecar: Sidecar) -> None:
    sidecar.register("mine")
    sidecar.report("mine")
    assert sidecar.namespace.get("mcpruntime", "mine")["status"]["agents"] == ["everybody"]


@pytest.mark.usefixtures("policy")
def test_a_runtime_can_neither_pose_as_another_nor_speak_for_it(sidecar: Sidecar) -> None:
    Sidecar(sidecar.namespace, "other").register("other")
    with pytest.raises(ApiError, match="writes only the MCPRuntime of that name"):
        sidecar.report("other")
    with pytest.raises(ApiError, match="writes only the MCPRuntime of that name"):
        sidecar.register("third")
    with pytest.raises(ApiError, match="belongs to its own pod"):
        sidecar.register("mine", owner=("other", Sidecar(sidecar.namespace, "other").uid))
    with pytest.raises(ApiError, match="the operator alone divides the quota"):
        sidecar.register("mine", shares=[{"project": "default", "runs": 9, "window": "1m"}])


@pytest.mark.usefixtures("policy")
def test_a_token_that_is_bound_to_no_pod_registers_nothing(sidecar: Sidecar) -> None:
    sidecar.api = sidecar.namespace.cluster.plane.api_as(sidecar.namespace.service_account_token(ACCOUNT))
    with pytest.raises(ApiError, match="bound to no pod"):
        sidecar.register("mine")


@pytest.mark.usefixtures("policy")
def test_more_rights_than_a_runtime_needs_do_not_help_it_past_the_policy(sidecar: Sidecar) -> None:
    Sidecar(sidecar.namespace, "other").register("other")
    rule = {"apiGroups": ["mcp.pipewise.io"], "resources": ["mcpruntimes"], "verbs": ["delete", "update"]}
    grant(sidecar.namespace, rule)
    with pytest.raises(ApiError, match="writes only the MCPRuntime of that name"):
        sidecar.api.request("DELETE", sidecar.path("mcpruntimes", "other"))
    sidecar.register("mine")
    mine = sidecar.api.json("GET", sidecar.path("mcpruntimes", "mine"))
    mine["metadata"]["labels"] = {"x": "y"}
    with pytest.raises(ApiError, match="nothing but the status"):
        sidecar.api.request("PUT", sidecar.path("mcpruntimes", "mine"), mine)


def test_without_the_policy_it_could_pose_as_another(sidecar: Sidecar) -> None:
    Sidecar(sidecar.namespace, "other").register("other")
    sidecar.report("other")
    sidecar.register("third", owner=("other", str(uuid.uuid4())))
    assert sidecar.namespace.get("mcpruntime", "other")["status"]["agents"] == ["everybody"]


ATTEMPTS = {
    "read another secret": ("GET", "secrets", "pipedream", {"resources": ["secrets"], "verbs": ["get"]}),
    "list secrets": ("GET", "secrets", "", {"resources": ["secrets"], "verbs": ["list"]}),
    "change a binding": (
        "PATCH",
        "agentmcpbindings",
        "b",
        {"resources": ["agentmcpbindings"], "verbs": ["patch"]},
    ),
    "change a binding's status": (
        "PATCH",
        "agentmcpbindings",
        "b/status",
        {"resources": ["agentmcpbindings/status"], "verbs": ["patch"]},
    ),
    "delete a binding": (
        "DELETE",
        "agentmcpbindings",
        "b",
        {"resources": ["agentmcpbindings"], "verbs": ["delete"]},
    ),
    "list pods": ("GET", "pods", "", {"resources": ["pods"], "verbs": ["list"]}),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_sidecar_cannot(sidecar: Sidecar, attempt: str) -> None:
    method, plural, name, hole = ATTEMPTS[attempt]
    spec = {"agent": "coordinator", "user": "u"}
    binding = {"apiVersion": API_VERSION, "kind": "AgentMCPBinding", "metadata": {"name": "b"}, "spec": spec}
    sidecar.namespace.apply(binding)
    body = {"spec": {"paused": True}, "status": {"endpoint": "http://evil"}} if method == "PATCH" else None
    path = sidecar.path(plural, name)
    assert not sidecar.may(method, path, body)
    grant(sidecar.namespace, {"apiGroups": ["", "mcp.pipewise.io"], **hole})
    eventually_sync(lambda: sidecar.may(method, path, body))


def test_a_sidecar_reads_its_token_secret_and_the_bindings_of_its_namespace_only(sidecar: Sidecar) -> None:
    elsewhere = Namespace(sidecar.namespace.cluster)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "default-pipedream-token"}}
    elsewhere.apply(secret)
    reads = [("secrets", "default-pipedream-token"), ("agentmcpbindings", ""), ("pipedreamprojects", "")]
    for plural, name in reads:
        assert sidecar.may("GET", sidecar.path(plural, name))
        assert not sidecar.may("GET", sidecar.path(plural, name, str(elsewhere)))
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": str(sidecar.namespace)}
    role, binding = identities(str(elsewhere), [ACCOUNT], ["default"])
    elsewhere.apply(role, {**binding, "subjects": [subject]})
    for plural, name in reads:
        eventually_sync(lambda p=plural, n=name: sidecar.may("GET", sidecar.path(p, n, str(elsewhere))))


@pytest.mark.usefixtures("policy")
def test_rights_in_another_namespace_are_no_leave_to_report_there(sidecar: Sidecar) -> None:
    elsewhere = Namespace(sidecar.namespace.cluster)
    role, binding = identities(str(elsewhere), [ACCOUNT], [])
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": str(sidecar.namespace)}
    manifest = {"apiVersion": API_VERSION, "kind": "MCPRuntime", "metadata": {"name": "mine"}}
    elsewhere.apply(role, {**binding, "subjects": [subject]}, manifest)
    with pytest.raises(ApiError, match="only in the namespace of its pod"):
        sidecar.report("mine", str(elsewhere))
