"""A managed binding's whole path: its runtime is made, and serves who may use the binding."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pipewise_crds import API_VERSION
from support.chart import policy
from support.charted import charted_operator
from support.cluster import Namespace
from support.eventually import eventually
from support.guarded import grant
from support.operating import Operated
from support.programs import MEASURED, Program
from support.sandbox import serving_sandbox
from support.serving import rpc, url_of

POD = "pipewise-runtime-0-abc"
MERGE = "application/merge-patch+json"


@pytest.fixture
def operated(namespace: Namespace, tmp_path: Path) -> Iterator[Operated]:
    """An operator with the chart's rights, and a binding whose runtime is to be made."""
    values = f"operator.namespaces={{{namespace}}}"
    scope = ["--namespace", namespace.name]
    with serving_sandbox({}) as url, charted_operator(namespace, tmp_path, values, scope=scope) as program:
        program.url("metrics", within=30)
        running = Operated(namespace, program)
        running.credentials()
        running.project(f"{url}/v1")
        running.binding(placement="Managed", demo="Always")
        yield running


def run_as_a_pod(namespace: Namespace, deployment: dict[str, Any], folder: Path) -> Program:
    """What a kubelet would start for a Deployment's pod, with the pod's own token, on loopback ports."""
    template = deployment["spec"]["template"]
    spec = {**template["spec"], "nodeName": "node"}
    namespace.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": POD, "labels": template["metadata"]["labels"]},
            "spec": spec,
        }
    )
    path = f"/api/v1/namespaces/{namespace}/pods/{POD}/status"
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    namespace.cluster.api.request("PATCH", path, ready, MERGE)
    (container,) = spec["containers"]
    kept = [each for each in container["args"] if not each.startswith(("--listen", "--metrics"))]
    token = namespace.service_account_token(spec["serviceAccountName"], pod=POD)
    config = folder / "runtime.kubeconfig"
    config.write_text(namespace.cluster.plane.kubeconfig_text(token, namespace.name))
    uid = str(namespace.get("pod", POD)["metadata"]["uid"])
    environment = {**MEASURED, "POD_NAME": POD, "POD_NAMESPACE": namespace.name, "POD_UID": uid}
    loopback = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--kubeconfig", config]
    return Program("pipewise_runtime", [*kept, *loopback], folder, environment)


async def status_of(url: str, token: str) -> int:
    async with httpx2.AsyncClient(timeout=10) as http:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        return (await http.post(url_of(url), json=rpc("tools/list"), headers=headers)).status_code


async def test_its_runtime_is_made_gets_its_rights_and_serves_who_may_use_the_binding(
    operated: Operated, tmp_path: Path
) -> None:
    namespace = operated.namespace
    own_runtime = policy("-own-runtime")
    namespace.apply(*own_runtime)
    deployment = await eventually(lambda: next(iter(namespace.items("deployments")), None), within=10)
    await eventually(
        lambda: bool(namespace.items("rolebindings", "-l", "app.kubernetes.io/component=runtime"))
    )
    grant(namespace, "b", f"{namespace}:agents")
    may, may_not = (namespace.service_account_token(n, ["mcp.pipewise.io"]) for n in ("agents", "stranger"))
    with run_as_a_pod(namespace, deployment or {}, tmp_path) as runtime:
        url = runtime.url("serving agents")
        await eventually(lambda: operated.ready() == ("False", "Demo"), within=20)
        assert operated.status()["endpoint"].startswith(
            f"http://pipewise-runtime-0.{namespace}.svc:8720/agents/"
        )
        assert operated.status()["runtimes"] == {"ready": 1, "total": 1}
        assert await status_of(url, may) == 200
        assert await status_of(url, may_not) == 403
        assert await status_of(url, "none") == 401
        registered = namespace.get("mcpruntime", POD)
        assert registered["apiVersion"] == API_VERSION
        assert registered["status"]["shard"] == 0
    assert "orbidden" not in runtime.log
    for each in own_runtime:
        namespace.kubectl("delete", each["kind"], each["metadata"]["name"])
