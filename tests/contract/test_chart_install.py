"""The chart on an empty cluster: one `helm install` brings the kinds and an object of one of them."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipewise_cli.controlplane import ControlPlane, find_binaries, find_kubectl
from support.chart import CHART, helm
from support.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Empty:
    """A cluster without our kinds, and the environment in which helm reaches it."""

    cluster: Cluster
    environment: Mapping[str, str]

    def helm(self, *arguments: str | Path) -> str:
        """Run helm against it."""
        return helm(*arguments, environment=self.environment)


@pytest.fixture(scope="module")
def empty() -> Iterator[Empty]:
    with ControlPlane(find_binaries()) as plane:
        environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
        yield Empty(Cluster(plane, find_kubectl()), environment)


def test_install_upgrade_and_uninstall_keep_kinds_and_bindings(empty: Empty) -> None:
    where = ("demo", CHART, "--namespace", "default", "--set", "sandbox.enabled=true")
    notes = empty.helm("install", *where)
    project = json.loads(empty.cluster.kubectl("get", "pipedreamproject", "default", "-o", "json"))
    assert project["spec"]["projectID"] == "proj_demo"

    # What the notes tell the reader to do next works as it stands.
    command, rest = notes.split("apply -f - <<END\n", 1)
    assert command.rstrip().endswith("kubectl -n default")
    empty.cluster.kubectl("apply", "-f", "-", stdin=rest.split("  END\n")[0], namespace="default")

    empty.helm("upgrade", *where, "--set", "sandbox.enabled=false")
    assert "sandbox" not in empty.cluster.kubectl("get", "deployments", "-o", "name", namespace="default")

    empty.helm("uninstall", "demo", "--namespace", "default")
    binding = json.loads(empty.cluster.kubectl("get", "amb", "coordinator-ada", "-o", "json"))
    assert binding["spec"]["placement"] == "Managed"
    assert empty.cluster.kubectl("get", "deployments", "-o", "name", namespace="default") == ""
