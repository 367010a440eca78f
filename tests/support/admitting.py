"""The webhook under test: the shipped program, registered at a real API server for one namespace."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

from .cluster import Namespace
from .eventually import eventually_sync
from .operating import metric_in
from .programs import Program

IMAGE = "registry.example/pipewise-runtime:1.2.3"
CONFIGURATION = {
    "sidecar": {
        "image": IMAGE,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }
}
_PODS = {
    "name": "pods.mcp.pipewise.io",
    "failurePolicy": "Fail",
    "objectSelector": {"matchLabels": {"mcp.pipewise.io/inject": "true"}},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
}
_BINDINGS = {
    "name": "bindings.mcp.pipewise.io",
    "failurePolicy": "Fail",
    "rules": [
        {
            "apiGroups": ["mcp.pipewise.io"],
            "apiVersions": ["v1alpha1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["agentmcpbindings"],
        }
    ],
}


class Webhook:
    """One replica, with words for what tests do with it."""

    def __init__(self, namespace: Namespace, program: Program) -> None:
        self.namespace, self.program = namespace, program

    @property
    def url(self) -> str:
        """Where it answers the API server."""
        return self.program.url("listening")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that carry these labels."""
        with urlopen(self.program.url("metrics") + "/metrics", timeout=5) as answer:  # noqa: S310 - loopback
            return metric_in(answer.read().decode(), name, labels)

    def apply_unwarned(self, manifest: Mapping[str, Any]) -> None:
        """Apply an object and fail, with the text, if the API server warns of anything."""
        text = yaml.safe_dump(dict(manifest))
        self.namespace.kubectl("apply", "--warnings-as-errors", "-f", "-", stdin=text)

    def is_ready(self) -> bool:
        """Whether it has a certificate that the API server trusts."""
        try:
            with urlopen(self.program.url("metrics") + "/readyz", timeout=5) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_until_ready(self) -> None:
        """Wait for its certificate."""
        eventually_sync(self.is_ready, within=20)


def webhook(
    namespace: Namespace, folder: Path, *options: str, configuration: Mapping[str, Any] = CONFIGURATION
) -> Webhook:
    """A replica, not yet started; its certificates are kept in the namespace."""
    folder.mkdir(exist_ok=True)
    config = folder / "webhook.yaml"
    config.write_text(yaml.safe_dump(dict(configuration)))
    arguments: list[str | Path] = [
        *("--config", config, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"),
        *("--kubeconfig", namespace.cluster.kubeconfig, "--namespace", namespace.name),
        *("--host", "127.0.0.1", "--configuration", namespace.name, *options),
    ]
    return Webhook(namespace, Program("pipewise_operator.webhook", arguments, folder))


@contextmanager
def admitting(
    namespace: Namespace, folder: Path, *options: str, configuration: Mapping[str, Any] = CONFIGURATION
) -> Iterator[Webhook]:
    """Run one replica, registered for the namespace and ready."""
    made = webhook(namespace, folder, *options, configuration=configuration)
    with registered(namespace), made.program:
        register(namespace, made.url)
        made.wait_until_ready()
        yield made


@contextmanager
def registered(namespace: Namespace) -> Iterator[None]:
    """Take what a test registers for the namespace from the API server again."""
    try:
        yield
    finally:
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            namespace.cluster.kubectl("delete", kind, namespace.name, "--ignore-not-found")


def register(namespace: Namespace, url: str) -> None:
    """Register a webhook for the namespace at this URL; authorities that are trusted already stay."""
    everything = (("Mutating", _PODS, "mutate-pods"), ("Validating", _BINDINGS, "validate-bindings"))
    for kind, webhook, path in everything:
        body = {
            **webhook,
            "clientConfig": {"url": f"{url}/{path}"},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
            "matchPolicy": "Equivalent",
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
        }
        manifest = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": namespace.name},
            "webhooks": [body],
        }
        namespace.cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))


def trusted(namespace: Namespace) -> Sequence[str]:
    """The caBundle (base64) of both configurations."""
    found = []
    for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
        body = json.loads(namespace.cluster.kubectl("get", kind, namespace.name, "-o", "json"))
        found += [each["clientConfig"].get("caBundle", "") for each in body["webhooks"]]
    return found


def pod(name: str, *, asks: bool = True, **annotations: str) -> dict[str, Any]:
    """A pod that meets the restricted standard, and asks for a sidecar for the coordinator."""
    meta: dict[str, Any] = {"name": name}
    if asks:
        meta["labels"] = {"mcp.pipewise.io/inject": "true"}
        meta["annotations"] = {
            "mcp.pipewise.io/agents": "coordinator",
            **{f"mcp.pipewise.io/{key.replace('_', '-')}": value for key, value in annotations.items()},
        }
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "agents", "image": "registry.example/agents:1", "securityContext": restricted}
    # As the API server's admission of service accounts leaves it, which the tests do without.
    spec = {"serviceAccountName": "default", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
