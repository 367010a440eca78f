"""The chart's release on a cluster, and what tests do to it and ask of it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from . import tools
from .agent_pods import AgentPod
from .chart import CHART
from .kind import Kind, run
from .operating import condition
from .sandbox import PROJECT

NAMESPACE = "pipewise"
NAME = "pipewise-mcp"
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

    def uninstall(self) -> None:
        """Take everything away again, if it is there."""
        self._helm("uninstall", NAME, "--namespace", self.namespace, "--wait", "--ignore-not-found")

    def pods(self, component: str) -> Sequence[dict[str, Any]]:
        """A component's pods that are not on their way out."""
        found = self.cluster.items(
            "pods", self.namespace, selector=f"app.kubernetes.io/component={component}"
        )
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def endpoint(self, agent: str, user: str) -> str:
        """Where the Managed runtime serves a user's agent, by the name of its Service."""
        host = f"{NAME}-runtime.{self.namespace}.svc:8720"
        return f"http://{host}/agents/{agent}/users/{quote(user, safe='')}/mcp"

    def bind(self, user: str, app: str = "sendgrid", **spec: Any) -> str:  # noqa: ANN401 - JSON
        """Apply a Managed binding of the coordinator to one app; its name."""
        name = f"coordinator-{user}"
        fields = {
            "agent": "coordinator",
            "user": user,
            "placement": "Managed",
            "services": [{"name": app.replace("_", "-"), "app": app}],
            **spec,
        }
        self.cluster.apply(self.namespace, binding(name, **fields))
        return name

    def status(self, name: str, namespace: str = "") -> dict[str, Any]:
        """A binding's status."""
        found = self.cluster.get("agentmcpbinding", name, namespace or self.namespace)
        status: dict[str, Any] = found.get("status", {})
        return status

    def ready(self, name: str, namespace: str = "") -> tuple[str, str]:
        """Status and reason of a binding's Ready."""
        return condition(self.status(name, namespace))

    def _helm(self, *arguments: str) -> str:
        environment = ["env", f"KUBECONFIG={self.cluster.kubeconfig}", f"HOME={os.environ['HOME']}"]
        return run(*environment, str(tools.helm()), *arguments, timeout_seconds=_HELM_TIMEOUT_SECONDS + 60)


@dataclass(frozen=True, slots=True)
class SandboxInside:
    """The release's sandbox, turned from a pod."""

    pod: AgentPod
    url: str = f"http://{NAME}-sandbox.{NAMESPACE}.svc:8790"

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
