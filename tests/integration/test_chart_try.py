"""`helm test`: its program, with the binding that comes with it, against a runtime and a sandbox that run."""

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.chart import named, tried
from support.cluster import Namespace
from support.deployed import Deployed, deployed


@functools.cache
def made_by_helm(kind: str) -> dict[str, Any]:
    """What `helm test` makes of a kind."""
    return named(tried("sandbox.enabled=true"), kind)


def test_it_succeeds_when_a_tool_was_really_called_and_leaves_no_account(
    namespace: Namespace, tmp_path: Path
) -> None:
    with deployed(namespace, tmp_path, accountPollInterval="1s") as stage:
        bind(namespace)
        done = run(stage)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "google_calendar-list-events ran at the sandbox" in done.stdout
        state = stage.admin("GET", "/state")
        assert state["accounts"] == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [({"paused": True}, "HTTP 404"), ({"demo": "Always"}, "[demo]")],
    ids=["served by nobody", "answered by the demo"],
)
def test_it_fails_with_the_last_answer_when_the_sandbox_was_not_reached(
    namespace: Namespace, tmp_path: Path, spec: dict[str, object], told: str
) -> None:
    with deployed(namespace, tmp_path, accountPollInterval="1s") as stage:
        bind(namespace, **spec)
        done = run(stage, within_seconds=2)
    assert done.returncode == 1
    assert told in done.stdout
    assert "kubectl get agentmcpbindings" in done.stdout


def bind(namespace: Namespace, **spec: object) -> None:
    """Apply the chart's binding, in this namespace and to its project."""
    made = made_by_helm("AgentMCPBinding")
    here = {"projectRef": "default", **spec}
    namespace.apply({**made, "metadata": {"name": "test"}, "spec": {**made["spec"], **here}})


def run(stage: Deployed, within_seconds: int = 30) -> subprocess.CompletedProcess[str]:
    """Run the pod's command with its environment, but for where things are."""
    (container,) = made_by_helm("Pod")["spec"]["containers"]
    assert container["command"] == ["python", "-c"]
    told = {each["name"]: each["value"] for each in container["env"]}
    told |= {"SANDBOX_URL": stage.sandbox_url, "PIPEWISE_MCP_URL": stage.runtime.url("serving agents")}
    environment = {**os.environ, **told, "WITHIN_SECONDS": str(within_seconds)}
    command = [sys.executable, "-c", *container["args"]]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
