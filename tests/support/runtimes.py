"""Manifests for tests of the runtime's sources, and a sink that remembers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from pipewise_crds import API_VERSION
from pipewise_runtime.served import Project, ServedBinding

from .cluster import Cluster
from .sandbox import CLIENT_ID, CLIENT_SECRET

Manifest = dict[str, Any]


def binding_manifest(name: str, user: str = "user-42", **spec: Any) -> Manifest:  # noqa: ANN401 - JSON
    """An AgentMCPBinding of the coordinator, unless told otherwise."""
    fields = {"agent": "coordinator", "user": user, **spec}
    return {"apiVersion": API_VERSION, "kind": "AgentMCPBinding", "metadata": {"name": name}, "spec": fields}


def project_manifest(name: str = "default", base: str = "http://127.0.0.1:1", **spec: Any) -> Manifest:  # noqa: ANN401
    """A PipedreamProject at a sandbox."""
    fields = {
        "projectID": "proj_demo",
        "environment": "development",
        "credentialsSecretRef": {"name": "pipedream-client"},
        "endpoints": {"api": f"{base}/v1", "mcp": f"{base}/v3"},
        **spec,
    }
    return {"apiVersion": API_VERSION, "kind": "PipedreamProject", "metadata": {"name": name}, "spec": fields}


def credentials_manifest(client_secret: str = CLIENT_SECRET) -> Manifest:
    """The Secret with the sandbox's client credentials."""
    values = {"client-id": CLIENT_ID, "client-secret": client_secret}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pipedream-client"},
        "stringData": values,
    }


def token_manifest(value: str, expires_at: str, project: str = "default") -> Manifest:
    """The Secret into which the operator mints a token."""
    values = {"token": value, "expires-at": expires_at}
    name = f"{project}-pipedream-token"
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


def kubeconfig_to(server: str, folder: Path) -> Path:
    """A file that leads to an API server which asks for no credentials."""
    config = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def api_server_away(cluster: Cluster) -> Iterator[None]:
    """Let the API server be dead for a while."""
    cluster.plane.kill_apiserver()
    try:
        yield
    finally:
        cluster.plane.restart_apiserver()


class RememberingSink:
    """What a source has delivered, as it stands now."""

    def __init__(self) -> None:
        self.projects: dict[str, Project] = {}
        self.bindings: dict[str, ServedBinding] = {}
        self.shares: dict[str, tuple[int, float]] = {}
        self.ran: dict[str, tuple[int, datetime]] = {}
        self.held_off: dict[str, datetime] = {}
        self.deliveries = 0

    def serve_project(self, project: Project) -> None:
        """Take up a new or changed project."""
        self.projects[project.name] = project
        self.deliveries += 1

    def drop_project(self, name: str) -> None:
        """Forget a project."""
        del self.projects[name]
        self.deliveries += 1

    def serve(self, binding: ServedBinding) -> None:
        """Take up a new or changed binding."""
        self.bindings[binding.name] = binding
        self.deliveries += 1

    def drop(self, name: str) -> None:
        """Stop serving a binding."""
        del self.bindings[name]
        self.deliveries += 1

    def share(self, project: str, runs: int, window_seconds: float) -> None:
        """Keep to this part of the project's quota."""
        self.shares[project] = (runs, window_seconds)

    def ran_before(self, project: str, runs: int, until: datetime) -> None:
        """Count runs of an earlier process."""
        self.ran[project] = (runs, until)

    def hold_off(self, project: str, until: datetime) -> None:
        """Try no run of the project before this moment."""
        self.held_off[project] = until
