"""Operator, runtime and sandbox as the processes users run, in one namespace of the test API server."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pipewise_crds import KINDS

from .cluster import Namespace
from .operating import condition, writes_in
from .programs import Program
from .runtimes import binding_manifest, credentials_manifest, project_manifest
from .sandbox import PROJECT, admin_call, serving_sandbox


@dataclass(frozen=True, slots=True)
class Deployed:
    """Everything that serves the bindings of a namespace."""

    namespace: Namespace
    operator: Program
    runtime: Program
    sandbox_url: str

    def connect(self, users: Sequence[str], *apps: str) -> None:
        """Connect healthy accounts at the sandbox."""
        for user in users:
            for app in apps:
                self.admin("POST", "/accounts", {"project": PROJECT, "user": user, "app": app})

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One call of the sandbox's admin API."""
        return admin_call(self.sandbox_url, method, path, body)

    def ready(self) -> Mapping[str, tuple[str, str]]:
        """Status and reason of Ready by binding."""
        items = self.namespace.items("agentmcpbindings")
        return {item["metadata"]["name"]: condition(item.get("status", {})) for item in items}

    def writes(self) -> Mapping[str, float]:
        """Write requests for our kinds so far, by resource, as the API server counts them."""
        text = self.namespace.cluster.api.request("GET", "/metrics").decode()
        return {kind.plural: writes_in(text, kind.plural) for kind in KINDS}

    def metrics(self, program: Program) -> str:
        """What a program exposes to Prometheus."""
        with urlopen(program.url("metrics") + "/metrics", timeout=5) as answer:  # noqa: S310 - loopback
            exposed: str = answer.read().decode()
        return exposed

    def objects(self) -> str:
        """All our objects and the Events of the namespace, as JSON text."""
        kinds = "agentmcpbindings,pipedreamprojects,mcpruntimes,events"
        return json.dumps(json.loads(self.namespace.kubectl("get", kinds, "-o", "json")))


@contextlib.contextmanager
def deployed(namespace: Namespace, folder: Path, **project: Any) -> Iterator[Deployed]:  # noqa: ANN401 - JSON
    """Start everything and apply a project with its credentials."""
    everywhere: list[str | Path] = [
        "--kubeconfig",
        namespace.cluster.kubeconfig,
        "--namespace",
        namespace.name,
    ]
    with (
        serving_sandbox({"settings": {"developmentUserLimit": 100_000}}) as url,
        Program(
            "pipewise_operator", [*everywhere, "--metrics", "127.0.0.1:0", "--no-election"], folder
        ) as operator,
        Program(
            "pipewise_runtime",
            [*everywhere, "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--name", "runtime-0"],
            folder,
        ) as runtime,
    ):
        namespace.apply(credentials_manifest(), project_manifest(base=url, **project))
        yield Deployed(namespace, operator, runtime, url)


__all__ = ["Deployed", "binding_manifest", "deployed"]
