"""What the alerts ask for is there: series of the real programs, as soon as a binding is known."""

import json
import re
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from pipewise_crds import API_VERSION
from pipewise_operator.alerting import CALM, alerts
from support.cluster import Namespace
from support.eventually import eventually_sync
from support.programs import Program

SELECTORS = sorted(
    {each for alert in alerts(CALM) for each in re.findall(r"pipewise_\w+(?:{[^}]*})?", alert.expression)}
)
OF_RUNTIME = [each for each in SELECTORS if each.startswith("pipewise_runtime_")]
OF_OPERATOR = [each for each in SELECTORS if each not in OF_RUNTIME]


SEED = {
    "projects": [{"projectID": "proj_demo", "clientID": "demo-client", "clientSecret": "demo-secret"}],
    "accounts": [{"project": "proj_demo", "user": "ada", "app": "sendgrid"}],
}
"""Without an account, a service is served in demo mode, and nobody asks its provider."""


def bind(namespace: Namespace, sandbox: str) -> None:
    """Make a project at the sandbox, its credentials, and a binding."""
    project = {
        "projectID": "proj_demo",
        "environment": "development",
        "credentialsSecretRef": {"name": "pipedream"},
        "endpoints": {"api": f"{sandbox}/v1", "mcp": f"{sandbox}/v3"},
    }
    keys = {"client-id": "demo-client", "client-secret": "demo-secret"}
    namespace.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pipedream"}, "stringData": keys},
        manifest("PipedreamProject", "default", project),
        manifest("AgentMCPBinding", "coordinator-ada", {"agent": "coordinator", "user": "ada"}),
    )


def manifest(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def without_series(url: str, selectors: Sequence[str]) -> Sequence[str]:
    """The selectors that match no series of a program."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310 - our own http URL
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families for sample in family.samples]

    def matches(selector: str) -> bool:
        name, labels = selector.split("{", maxsplit=1)[0], dict(re.findall(r'(\w+)="([^"]*)"', selector))
        return any(name == each.name and labels.items() <= each.labels.items() for each in samples)

    return [selector for selector in selectors if not matches(selector)]


def assert_all_are_there(url: str, selectors: Sequence[str]) -> None:
    def check() -> bool:
        assert without_series(url, selectors) == []
        return True

    eventually_sync(check, within=20)


def test_the_programs_have_every_series_that_alerts_ask_for(namespace: Namespace, tmp_path: Path) -> None:
    where = ["--kubeconfig", str(namespace.cluster.kubeconfig), "--namespace", namespace.name]
    served = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--name", "beside-coordinator"]
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    assert OF_OPERATOR
    assert OF_RUNTIME
    with (
        Program("pipewise_sandbox", ["--listen", "127.0.0.1:0", "--seed", seed], tmp_path) as sandbox,
        Program("pipewise_operator", ["--metrics", "127.0.0.1:0", *where], tmp_path) as operator,
        Program("pipewise_runtime", [*served, *where], tmp_path) as runtime,
    ):
        bind(namespace, sandbox.url())
        assert_all_are_there(runtime.url("metrics"), OF_RUNTIME)
        assert_all_are_there(operator.url("metrics"), OF_OPERATOR)
