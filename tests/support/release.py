"""The chart's release on a cluster, and what tests do to it and ask of it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .agent_pods import AgentPod
from .chart import CHART, helm
from .kind import Kind
from .operating import condition
from .runtimes import credentials_manifest, project_manifest
from .sandbox import PROJECT

NAMESPACE = "pipewise"
"""Where the chart is installed."""
AGENTS = "agents"
"""Where agents, their project and their bindings are."""
NAME = "pipewise-mcp"
SANDBOX_URL = f"http://{NAME}-sandbox.{NAMESPACE}.svc:8790"
_HELM_TIMEOUT_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Release:
    """One release of the chart, with the sandbox, named so that its objects are `pipewise-mcp-*`."""

    cluster: Kind
    namespace: str = NAMESPACE

    def install(self, *values: str) -> str:
        """Install or upgrade, and wait until all pods are ready; the notes."""
        settings = [f"--set={value}" for value in ("sandbox.enabled=true", *values)]
        where = ["--namespace", self.namespace, "--wait", f"--timeout={_HELM_TIMEOUT_SECONDS}s"]
        return self._helm("upgrade", "--install", NAME, str(CHART), *where, *settings)

    def try_out(self) -> str:
        """Run `helm test`; what it and its pod wrote."""
        return self._helm("test", NAME, "--namespace", self.namespace, "--timeout=180s")

    def uninstall(self) -> None:
        """Take everything away again, if it is there."""
        self._helm("uninstall", NAME, "--namespace", self.namespace, "--wait", "--ignore-not-found")

    def pods(self, component: str) -> Sequence[dict[str, Any]]:
        """A component's pods that are not on their way out; `runtime` are those the operator made."""
        namespace, selector = self.namespace, f"app.kubernetes.io/component={component}"
        if component == "runtime":
            namespace, selector = AGENTS, "mcp.pipewise.io/runtime=managed"
        found = self.cluster.items("pods", namespace, selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def endpoint(self, name: str) -> str:
        """Where a binding is served, as its status says."""
        url: str = self.status(name).get("endpoint", "")
        return url

    def bind(self, user: str, app: str = "sendgrid", **spec: Any) -> str:  # noqa: ANN401 - JSON
        """Apply a Managed binding of the coordinator to one app; its name."""
        name = f"coordinator-{user}"
        services = [{"name": app.replace("_", "-"), "app": app}]
        fields = {"agent": "coordinator", "user": user, "placement": "Managed", "services": services}
        self.cluster.apply(AGENTS, binding(name, **{**fields, **spec}))
        return name

    def status(self, name: str, namespace: str = AGENTS) -> dict[str, Any]:
        """A binding's status."""
        status: dict[str, Any] = self.cluster.get("agentmcpbinding", name, namespace).get("status", {})
        return status

    def ready(self, name: str, namespace: str = AGENTS) -> tuple[str, str]:
        """Status and reason of a binding's Ready."""
        return condition(self.status(name, namespace))

    def _helm(self, *arguments: str) -> str:
        """Run helm, which writes the logs of its tests to stderr."""
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)}
        return helm(*arguments, environment=environment, timeout_seconds=_HELM_TIMEOUT_SECONDS + 60)


@dataclass(frozen=True, slots=True)
class SandboxInside:
    """The release's sandbox, turned from a pod."""

    pod: AgentPod
    url: str = SANDBOX_URL

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One call of the admin API."""
        status, text = self.pod.request(method, f"{self.url}/admin{path}", body)
        assert 200 <= status < 300, f"{method} /admin{path}: HTTP {status} {text}"
        found: dict[str, Any] = json.loads(text)
        return found

    def connect(self, user: str, app: str = "sendgrid") -> str:
        """Connect a healthy account; its id."""
        account: str = self.admin("POST", "/accounts", {"project": PROJECT, "user": user, "app": app})["id"]
        return account

    def runs(self, user: str) -> int:
        """How many actions of a user were really executed."""
        return len(self.admin("GET", f"/ledger?user={quote(user)}")["entries"])


def binding(name: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """An AgentMCPBinding."""
    kind = {"apiVersion": "mcp.pipewise.io/v1alpha1", "kind": "AgentMCPBinding"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def tenant() -> Sequence[dict[str, Any]]:
    """What a team brings: a project at the sandbox, and an account for agents that may use its bindings."""
    rights = {"apiGroups": ["mcp.pipewise.io"], "resources": ["agentmcpbindings"], "verbs": ["use"]}
    rbac = "rbac.authorization.k8s.io"
    return [
        credentials_manifest(),
        project_manifest(base=SANDBOX_URL, accountPollInterval="10s"),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "agent"}},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "agent"}, "rules": [rights]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "agent"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "agent"},
            "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": AGENTS}],
        },
    ]
