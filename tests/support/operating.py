"""The operator under test: the shipped program beside a sandbox, a project, and runtimes written by hand."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pipewise_crds import API_VERSION, PROJECT, timestamp

from .cluster import Cluster, Namespace
from .programs import Program
from .sandbox import CLIENT_ID, CLIENT_SECRET
from .sandbox import PROJECT as SANDBOX_PROJECT


class Operated:
    """A namespace the operator looks after, with words for what tests do in it."""

    def __init__(self, namespace: Namespace, program: Program) -> None:
        self.namespace, self.program = namespace, program

    def credentials(self, secret: str = CLIENT_SECRET) -> None:
        """Put the client credentials where the project looks for them."""
        data = {"client-id": CLIENT_ID, "client-secret": secret}
        self.namespace.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pipedream"}, "stringData": data}
        )

    def project(self, api: str, **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Apply the project `default`, which lists accounts every second unless told otherwise."""
        body = {
            "projectID": SANDBOX_PROJECT,
            "environment": "development",
            "credentialsSecretRef": {"name": "pipedream"},
            "endpoints": {"api": api, "mcp": api.removesuffix("/v1") + "/v3"},
            "accountPollInterval": "1s",
        }
        self.namespace.apply(_object(PROJECT.name, "default", {**body, **spec}))

    def binding(self, name: str = "b", user: str = "user-42", **spec: Any) -> dict[str, Any]:  # noqa: ANN401
        """Apply a binding of the coordinator that needs sendgrid."""
        self.namespace.apply(binding(name, user, **spec))
        return self.namespace.get("agentmcpbinding", name)

    def runtime(self, name: str = "r", pod: str | None = None) -> None:
        """Register a runtime, owned by a Pod if one is named."""
        body = {"apiVersion": API_VERSION, "kind": "MCPRuntime", "metadata": {"name": name}}
        if pod is not None:
            uid = self.namespace.get("pod", pod)["metadata"]["uid"]
            owner = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
            body["metadata"] = {"name": name, "ownerReferences": [owner]}
        self.namespace.apply(body)

    def report(self, name: str = "r", synced: str = "999999999", **status: Any) -> None:  # noqa: ANN401
        """Write a runtime's report: sendgrid is available, unless told otherwise."""
        body = {
            "agents": ["coordinator"],
            "endpoint": "http://127.0.0.1:8720",
            "syncedThrough": synced,
            "providers": [provider("sendgrid")],
            "reportTime": now(),
        }
        self.namespace.set_status("mcpruntimes", name, {**body, **status})

    def status(self, name: str = "b") -> dict[str, Any]:
        """A binding's status."""
        found: dict[str, Any] = self.namespace.get("agentmcpbinding", name).get("status", {})
        return found

    def ready(self, name: str = "b") -> tuple[str, str]:
        """Status and reason of a binding's Ready."""
        return condition(self.status(name))

    def project_condition(self, kind: str = "Ready") -> tuple[str, str]:
        """Status and reason of one of the project's conditions."""
        return condition(self.namespace.get("pipedreamproject", "default").get("status", {}), kind)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that carry these labels."""
        with urlopen(self.program.url("metrics") + "/metrics", timeout=5) as answer:  # noqa: S310 - loopback
            return metric_in(answer.read().decode(), name, labels)

    def events(self) -> Sequence[Mapping[str, Any]]:
        """The Events of the namespace, oldest first."""
        found: list[dict[str, Any]] = json.loads(self.namespace.kubectl("get", "events", "-o", "json"))[
            "items"
        ]
        return sorted(found, key=lambda each: str(each.get("eventTime")))


def binding(name: str, user: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A binding of the coordinator that needs sendgrid."""
    body = {"agent": "coordinator", "user": user, "services": [{"name": "sendgrid", "app": "sendgrid"}]}
    return _object("AgentMCPBinding", name, {**body, **spec})


def condition(status: Mapping[str, Any], kind: str = "Ready") -> tuple[str, str]:
    """Status and reason of a condition; empty strings when it is not there."""
    for each in status.get("conditions", []):
        if each["type"] == kind:
            return each["status"], each["reason"]
    return "", ""


def provider(app: str, state: str = "Available", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A runtime's report on one app."""
    return {"project": "default", "app": app, "state": state, "since": now(), "tools": 3, **fields}


def exception(binding: str, verdict: str, service: str = "sendgrid") -> dict[str, Any]:
    """A runtime's report on one service of one binding."""
    return {"binding": binding, "service": service, "verdict": verdict, "since": now(), "lastSeen": now()}


def now() -> str:
    """This moment as Kubernetes writes it."""
    return timestamp(datetime.now(UTC))


def metric_in(text: str, name: str, labels: Mapping[str, str]) -> float:
    """The sum of a metric's series with these labels in a text exposition."""
    total = 0.0
    for line in text.splitlines():
        match = re.match(rf"{re.escape(name)}(?:\{{(.*)\}})? (\S+)$", line)
        if match and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', match[1] or "")).items():
            total += float(match[2])
    return total


def writes(cluster: Cluster) -> float:
    """All writes to our kinds, Secrets and Events that the API server has answered so far."""
    text = cluster.api.request("GET", "/metrics").decode()
    kinds = ("agentmcpbindings", "pipedreamprojects", "mcpruntimes", "secrets", "events")
    return sum(writes_in(text, kind) for kind in kinds)


def writes_in(text: str, resource: str) -> float:
    """The writes to a resource and its status in the API server's own metrics."""
    verbs = ("APPLY", "PATCH", "POST", "PUT", "DELETE")
    return sum(
        metric_in(text, "apiserver_request_total", {"resource": resource, "verb": verb}) for verb in verbs
    )


@contextmanager
def operating(namespace: Namespace, folder: Path) -> Iterator[Operated]:
    """Run the operator for one namespace."""
    program = operator(namespace, folder)
    with program:
        program.url("metrics")
        yield Operated(namespace, program)


def operator(namespace: Namespace, folder: Path) -> Program:
    """The operator's program, not yet started."""
    kubeconfig = str(namespace.cluster.kubeconfig)
    arguments = ["--metrics", "127.0.0.1:0", "--kubeconfig", kubeconfig, "--namespace", namespace.name]
    return Program("pipewise_operator", [*arguments, "--no-election"], folder)


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
