"""A real API server for tests, with our CRDs, and kubectl to speak to it."""

import itertools
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipewise_cli.controlplane import Api, ControlPlane
from pipewise_crds import API_VERSION, KINDS

_KUBECTL_TIMEOUT_SECONDS = 30
_NUMBERS = itertools.count(1)


class KubectlError(AssertionError):
    """kubectl failed; the message is what it wrote to stderr."""


class Cluster:
    """One API server for the whole test run.

    Attributes:
        plane: the control plane, to kill and restart its API server.
        kubectl_program: the kubectl that is used.
    """

    def __init__(self, plane: ControlPlane, kubectl_program: Path) -> None:
        self.plane = plane
        self.kubectl_program = kubectl_program

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.plane.kubeconfig

    @property
    def api(self) -> Api:
        """A plain client with the administrator's rights."""
        return self.plane.api

    def kubectl(self, *arguments: str, stdin: str | None = None, namespace: str | None = None) -> str:
        """Run kubectl as the administrator and return its output.

        Raises:
            KubectlError: it ended with an error; the message is its stderr.
        """
        where = ["--namespace", namespace] if namespace else []
        done = subprocess.run(
            [self.kubectl_program, "--kubeconfig", self.kubeconfig, *where, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_KUBECTL_TIMEOUT_SECONDS,
            env={**os.environ, "KUBECTL_KUBERC": "false"},
            check=False,
        )
        if done.returncode:
            raise KubectlError(done.stderr.strip())
        return done.stdout


class Namespace:
    """A fresh namespace of the cluster.

    Attributes:
        name: its name.
        cluster: where it is.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.name = f"test-{os.getpid()}-{next(_NUMBERS)}"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}
        cluster.api.json("POST", "/api/v1/namespaces", manifest)

    def __str__(self) -> str:
        """The namespace's name."""
        return self.name

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in this namespace; see `Cluster.kubectl`."""
        return self.cluster.kubectl(*arguments, stdin=stdin, namespace=self.name)

    def apply(self, *manifests: Mapping[str, Any]) -> str:
        """Apply objects with kubectl."""
        return self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Read one object."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def items(self, kind: str, *arguments: str) -> Sequence[dict[str, Any]]:
        """Read all objects of a kind."""
        found: Sequence[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-o", "json", *arguments))[
            "items"
        ]
        return found

    def set_status(self, plural: str, name: str, status: Mapping[str, Any]) -> None:
        """Write the status of one of our objects, as its program would."""
        path = f"/apis/{API_VERSION}/namespaces/{self.name}/{plural}/{name}/status"
        self.cluster.api.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def service_account_token(self, name: str, audiences: Sequence[str] = (), pod: str | None = None) -> str:
        """Get a token for a service account, which is made if need be; bound to a pod if one is named."""
        accounts = f"/api/v1/namespaces/{self.name}/serviceaccounts"
        manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        self.cluster.api.apply(f"{accounts}/{name}", manifest, "tests")
        spec: dict[str, Any] = {"expirationSeconds": 3600, "audiences": list(audiences)}
        if pod is not None:
            uid = self.get("pod", pod)["metadata"]["uid"]
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token: str = self.cluster.api.json("POST", f"{accounts}/{name}/token", request)["status"]["token"]
        return token

    def clear(self) -> None:
        """Delete what later tests could trip over; namespaces themselves stay, for want of a controller."""
        ours = [f"/apis/{API_VERSION}/namespaces/{self.name}/{kind.plural}" for kind in KINDS]
        core = [f"/api/v1/namespaces/{self.name}/{plural}" for plural in ("pods", "secrets")]
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        for path in (*ours, *core):
            self.cluster.api.request("DELETE", path, options)
