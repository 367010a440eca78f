"""What the alerts ask for is there: series of the real programs, as soon as a binding is known."""

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
NOWHERE = "http://127.0.0.1:9"


def bind(namespace: Namespace) -> None:
    """Make a project that cannot be reached, and a binding of it."""
    project = {
        "projectID": "proj_demo",
        "environment": "development",
        "credentialsSecretRef": {"name": "pipedream"},
        "endpoints": {"api": f"{NOWHERE}/v1", "mcp": f"{NOWHERE}/v3"},
    }
    namespace.apply(
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

    eventually_sync(check, within=15)


def test_the_operator_has_every_series_that_alerts_ask_it_for(namespace: Namespace, tmp_path: Path) -> None:
    bind(namespace)
    config = str(namespace.cluster.kubeconfig)
    arguments = ["--metrics", "127.0.0.1:0", "--kubeconfig", config, "--namespace", namespace.name]
    assert OF_OPERATOR
    with Program("pipewise_operator", arguments, tmp_path) as operator:
        assert_all_are_there(operator.url("metrics"), OF_OPERATOR)


def test_a_runtime_has_every_series_that_alerts_ask_it_for(namespace: Namespace, tmp_path: Path) -> None:
    bind(namespace)
    where = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--name", "beside-coordinator"]
    who = ["--kubeconfig", str(namespace.cluster.kubeconfig), "--namespace", namespace.name]
    assert OF_RUNTIME
    with Program("pipewise_runtime", [*where, *who], tmp_path) as runtime:
        assert_all_are_there(runtime.url("metrics"), OF_RUNTIME)
