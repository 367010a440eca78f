"""The first steps: a control plane, the programs beside it, and the bindings of three agents."""

import json
import secrets
import time
from functools import partial
from pathlib import Path

from pipewise_cli.controlplane import ControlPlane, User, find_binaries, find_kubectl
from pipewise_cli.controlplane.addresses import LOOPBACK, free_ports
from pipewise_cli.controlplane.credentials import write_private
from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.kubelet import Kubelet
from pipewise_cli.demo.programs import Program, answers, python_program
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.sandbox import Sandbox
from pipewise_cli.demo.stage import AGENTS, NAMESPACE, POD, USER, Stage
from pipewise_crds import KINDS, PROJECT, RUNTIME

_APPS = (
    *("sendgrid", "twitter", "calendly_v2", "google_calendar"),
    *("pipedrive", "salesforce_rest_api", "zoho_crm"),
)
_SAMPLE_SECRET = "demo-secret"
_SAMPLE_URL = "http://127.0.0.1:8790"
_START_WITHIN_SECONDS = 90.0
"""Seconds are usual; a machine that is busy with builds takes its time."""
_POD_PATH = f"/api/v1/namespaces/{NAMESPACE}/pods/{POD}"


def control_plane(stage: Stage, seen: Seen) -> None:
    """Start etcd and kube-apiserver, with our three kinds and a namespace."""
    binaries, stage.kubectl_program = find_binaries(stage.console.line), find_kubectl(stage.console.line)
    users = (User("pipewise-operator"), User("pipewise-runtime"))
    started = time.monotonic()
    stage.console.doing("starting etcd and kube-apiserver")
    stage.plane = stage.cleanup.enter_context(ControlPlane(binaries, users))
    up = time.monotonic() - started
    stage.folder = stage.plane.kubeconfig.parent
    for user in (stage.plane.admin, *users):
        stage.keep_secret("tokens of the API server", user.token)
        write_private(_kubeconfig(stage, user.name), stage.plane.kubeconfig_text(user.token, NAMESPACE))
    stage.plane.install_definitions()
    stage.kubectl("create", "namespace", NAMESPACE)
    stage.apply("rights.yaml")
    version = stage.api.json("GET", "/version")["gitVersion"]
    seen.measured("up", up)
    seen.note(f"etcd and kube-apiserver {version}, ready {up:.1f} s after their start, on {stage.plane.url}")
    seen.note(f"kinds served: {', '.join(kind.name for kind in KINDS)}")


def programs(stage: Stage, seen: Seen) -> None:
    """Start sandbox, operator and runtime, and the Pod whose sidecar the runtime plays."""
    ports = free_ports(4)
    sandbox, operator, agents, runtime = (f"{LOOPBACK}:{port}" for port in ports)
    stage.apply("pod.yaml")
    _start(stage, "sandbox", sandbox, ["--listen", sandbox, "--seed", str(_seed(stage))])
    _start(stage, "operator", operator, ["--metrics", operator, "--namespace", NAMESPACE, "--no-election"])
    _start(
        stage, "runtime", runtime, ["--metrics", runtime, "--listen", agents, "--agents", ",".join(AGENTS)]
    )
    stage.agents_url = f"http://{agents}"
    stage.sandbox = Sandbox(f"http://{sandbox}")
    stage.cleanup.callback(stage.sandbox.close)
    stage.substitutions |= {_SAMPLE_URL: stage.sandbox.url}
    stage.cleanup.enter_context(Kubelet(stage.api, _POD_PATH, stage.programs["runtime"]))
    stage.wait(
        "the sandbox answers", lambda: answers(f"{stage.sandbox.url}/admin/state"), _START_WITHIN_SECONDS
    )
    for name in ("operator", "runtime"):
        stage.wait(f"the {name} is ready", partial(_is_ready, stage.programs[name]), _START_WITHIN_SECONDS)
    stage.wait("the Pod is Ready", lambda: _pod_is_ready(stage), _START_WITHIN_SECONDS)
    seen.table(f"pipewise-sandbox   a local Pipedream              {stage.sandbox.url}/admin/")
    seen.table(f"pipewise-operator  as User pipewise-operator      http://{operator}/metrics")
    seen.table(f"pipewise-runtime   as User pipewise-runtime       http://{runtime}/metrics")
    seen.table(f"                   the sidecar of {POD:<15} {stage.agents_url}/agents/…")


def bindings(stage: Stage, seen: Seen) -> None:
    """Apply the samples and wait until the three agents are Ready."""
    applied = time.monotonic()
    stage.apply("project.yaml")
    stage.apply("bindings.yaml")
    for agent in AGENTS:
        stage.wait(f"{agent} is Ready", partial(stage.is_ready, agent), _START_WITHIN_SECONDS)
    took = time.monotonic() - applied
    stage.keep_token()
    seen.measured("ready", took)
    seen.note(f"kubectl apply -f project.yaml -f bindings.yaml; all Ready {took:.1f} s later:")
    seen.note("$ kubectl get agentmcpbindings")
    seen.table(stage.table("agentmcpbindings"))
    runtimes = stage.kubectl("get", f"{RUNTIME.plural},{PROJECT.plural}", "-o", "name").split()
    expect(any(name.endswith(f"/{POD}") for name in runtimes), f"no MCPRuntime {POD} registered itself")


def _start(stage: Stage, name: str, address: str, arguments: list[str]) -> None:
    log = stage.folder / f"pipewise-{name}.log"
    environment = {}
    if name != "sandbox":
        environment["KUBECONFIG"] = str(_kubeconfig(stage, f"pipewise-{name}"))
    if name == "runtime":
        uid = stage.api.json("GET", _POD_PATH)["metadata"]["uid"]
        environment |= {"POD_NAME": POD, "POD_NAMESPACE": NAMESPACE, "POD_UID": uid}
    process = python_program(f"pipewise_{name}", arguments, log, environment)
    stage.cleanup.callback(process.stop)
    process.start()
    stage.programs[name] = Program(name, process, f"http://{address}")


def _seed(stage: Stage) -> Path:
    """The sandbox's start: our project with a client secret nobody has seen, and all accounts of one user."""
    client_secret = secrets.token_urlsafe(24)
    stage.keep_secret("the client secret", client_secret)
    stage.substitutions |= {_SAMPLE_SECRET: client_secret}
    project = {"projectID": "proj_demo", "clientID": "demo-client", "clientSecret": client_secret}
    accounts = [{"project": "proj_demo", "user": USER, "app": app} for app in _APPS]
    path = stage.folder / "seed.json"
    write_private(path, json.dumps({"projects": [project], "accounts": accounts}))
    return path


def _is_ready(program: Program) -> bool:
    expect(program.process.is_running, f"pipewise-{program.name} ended; its log says why")
    return program.is_ready


def _kubeconfig(stage: Stage, user: str) -> Path:
    return stage.folder / f"{user}.kubeconfig"


def _pod_is_ready(stage: Stage) -> bool:
    conditions = stage.api.json("GET", _POD_PATH)["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
