"""The stage: an API server, operator, runtime and sandbox as processes, and the line to the sandbox.

The runtime plays the sidecar of a Pod whose conditions a kubelet's stand-in writes, as in the demo.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipewise_cli.controlplane import Api
from pipewise_cli.controlplane.addresses import free_ports
from pipewise_cli.controlplane.process import Process
from pipewise_cli.demo.kubelet import Kubelet
from pipewise_cli.demo.programs import Program, answers, python_program
from pipewise_crds import API_VERSION
from support.cluster import Cluster, Namespace
from support.eventually import eventually_sync
from support.operating import condition
from support.runtimes import binding_manifest, credentials_manifest, project_manifest
from support.sandbox import CLIENT_ID, CLIENT_SECRET, PROJECT, admin_call

from .background import Background
from .line import Line
from .users import DEADLINE_SECONDS
from .ways import AGENT

_ROOT = Path(__file__).parents[2]
_SOURCES = os.pathsep.join(str(_ROOT / folder) for folder in ("crds", "operator", "runtime", "tests"))
_POD = "agents-0"
_START_SECONDS = 60.0
QUICK = {
    "maxRetries": 3,
    "baseDelay": "50ms",
    "maxDelay": "400ms",
    "breaker": {"failures": 5, "openFor": "1s"},
}
"""The bindings' waits: a twentieth of the defaults, and a fifth of a breaker's pause."""


@dataclass(slots=True)
class Stage:
    """Everything that runs, and the words in which faults and checks speak to it."""

    namespace: Namespace
    api: Api
    users: Sequence[str]
    sandbox: Program
    operator: Program
    runtime: Program
    agents_url: str
    line: Line
    background: Background
    journal: Path
    accounts: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        """The cluster, to kill its API server."""
        return self.namespace.cluster

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One call of the sandbox's admin API, past the line."""
        return admin_call(self.sandbox.url, method, path, body)

    def path(self, plural: str, name: str = "") -> str:
        """The path of one of our objects in the API."""
        where = f"/apis/{API_VERSION}/namespaces/{self.namespace.name}/{plural}"
        return f"{where}/{name}" if name else where

    def patch(self, plural: str, name: str, spec: Mapping[str, Any]) -> None:
        """Change fields of an object's spec."""
        body = {"spec": spec}
        self.api.request("PATCH", self.path(plural, name), body, "application/merge-patch+json")

    def bind(self, user: str) -> None:
        """Create a user's binding."""
        services = [
            {"name": app, "app": app, "timeout": f"{seconds:g}s"} for app, seconds in DEADLINE_SECONDS.items()
        ]
        manifest = binding_manifest(user, user, services=services, demo="Never", resilience=QUICK)
        self.api.json("POST", self.path("agentmcpbindings"), manifest)

    def unready(self) -> Mapping[str, tuple[str, str]]:
        """Status and reason of Ready of every binding that is not, by its present generation, Ready."""
        items = self.api.json("GET", self.path("agentmcpbindings"))["items"]
        found = {}
        for item in items:
            status, name = item.get("status", {}), item["metadata"]["name"]
            is_judged = status.get("observedGeneration") == item["metadata"]["generation"]
            if not is_judged or condition(status) != ("True", "Ready"):
                found[name] = condition(status)
        return found | {user: ("", "missing") for user in self.users if user not in _names(items)}

    def all_ready(self) -> bool:
        """Whether all bindings are Ready; a failed assertion says which are not."""
        unready = self.unready()
        assert not unready, f"not Ready: {unready}"
        return True

    def look_up_accounts(self) -> None:
        """Remember the ids of the accounts; a restarted sandbox gives them new ones."""
        state = self.admin("GET", "/state")["accounts"]
        self.accounts = {(each["user"], each["app"]): each["id"] for each in state}


@contextlib.contextmanager
def staged(namespace: Namespace, folder: Path, users: Sequence[str]) -> Iterator[Stage]:
    """Start everything, bind all users and wait until they are Ready."""
    folder.mkdir(parents=True, exist_ok=True)
    ports = [f"127.0.0.1:{port}" for port in free_ports(5)]
    sandbox, operator, agents, health, line = ports
    base = f"http://{line}"
    uid = _pod(namespace)
    everywhere = {
        "KUBECONFIG": str(namespace.cluster.kubeconfig),
        "POD_NAME": _POD, "POD_NAMESPACE": namespace.name, "POD_UID": uid, "PYTHONPATH": _SOURCES,
    }  # fmt: skip
    journal = folder / "journal.jsonl"
    journal.unlink(missing_ok=True)

    def program(module: str, address: str, arguments: Sequence[str]) -> Program:
        log = folder / f"{module}.log"
        log.unlink(missing_ok=True)
        process = python_program(module, arguments, log, everywhere)
        cleanup.callback(process.kill)
        process.start()
        return Program(module, process, f"http://{address}")

    with contextlib.ExitStack() as cleanup:
        background = cleanup.enter_context(Background())
        seed = _seed(folder, users)
        provided = ["--listen", sandbox, "--seed", seed, "--journal", str(journal)]
        operated = ["--metrics", operator, "--namespace", namespace.name, "--no-election"]
        served = ["--metrics", health, "--listen", agents, "--agents", AGENT]
        stage = Stage(
            namespace=namespace,
            api=namespace.cluster.api,
            users=users,
            sandbox=program("chaos.provider", sandbox, provided),
            operator=program("pipewise_operator", operator, operated),
            runtime=program("pipewise_runtime", health, served),
            agents_url=f"http://{agents}",
            line=Line(_port(line), _port(sandbox)),
            background=background,
            journal=journal,
        )
        pod = f"/api/v1/namespaces/{namespace.name}/pods/{_POD}"
        cleanup.enter_context(Kubelet(stage.api, pod, stage.runtime))
        background.wait(stage.line.listen())
        cleanup.callback(lambda: background.wait(stage.line.close()))
        eventually_sync(lambda: answers(f"{stage.sandbox.url}/admin/state"), _START_SECONDS)
        stage.look_up_accounts()
        namespace.apply(
            credentials_manifest(),
            project_manifest(base=base, limits={"toolRuns": 10_000_000}, accountPollInterval="1s"),
        )
        for user in users:
            stage.bind(user)
        eventually_sync(stage.all_ready, _START_SECONDS)
        yield stage


def moment_of_start(process: Process) -> float:
    """Start a program again; the moment at which it was."""
    moment = time.time()
    process.start()
    return moment


def _seed(folder: Path, users: Sequence[str]) -> str:
    """The sandbox's start: our project, everybody's accounts, no quota."""
    project = {"projectID": PROJECT, "clientID": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    accounts = [{"project": PROJECT, "user": user, "app": app} for user in users for app in DEADLINE_SECONDS]
    settings = {"quotaRuns": 0, "developmentUserLimit": 0, "accountRequests": 0}
    path = folder / "seed.json"
    path.write_text(json.dumps({"projects": [project], "accounts": accounts, "settings": settings}))
    return str(path)


def _pod(namespace: Namespace) -> str:
    """Create the Pod whose sidecar the runtime is; its uid."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _POD,
            "labels": {"mcp.pipewise.io/inject": "true"},
            "annotations": {"mcp.pipewise.io/agents": AGENT},
        },
        "spec": {"containers": [{"name": "agent", "image": "agent"}]},
    }
    path = f"/api/v1/namespaces/{namespace.name}/pods"
    created: str = namespace.cluster.api.json("POST", path, manifest)["metadata"]["uid"]
    return created


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _names(items: Sequence[Mapping[str, Any]]) -> set[str]:
    return {item["metadata"]["name"] for item in items}
