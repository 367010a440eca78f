"""The chart on an empty cluster: one `helm install` brings the kinds and an object of one of them."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
import yaml

from pipewise_cli.controlplane import ControlPlane, find_binaries, find_kubectl
from support.chart import CHART, HelmError, helm
from support.cluster import Cluster
from support.eventually import eventually_sync

PROJECTS = {"default", "sandbox"}
"""Projects of the cluster's users."""


@dataclass(frozen=True, slots=True)
class Empty:
    """A cluster without our kinds, and the environment in which helm reaches it."""

    cluster: Cluster
    environment: Mapping[str, str]

    def helm(self, command: str, *values: str, release: str = "demo", options: Sequence[str] = ()) -> str:
        """Install or upgrade a release in the namespace `default`; the notes."""
        settings = [f"--set={value}" for value in values]
        where = (release, CHART, "--namespace", "default", *options)
        return helm(command, *where, *settings, environment=self.environment)

    def uninstall(self, release: str = "demo") -> None:
        """Take a release away."""
        where = (release, "--namespace", "default", "--ignore-not-found")
        helm("uninstall", *where, environment=self.environment)

    def names(self, kind: str) -> set[str]:
        """The objects of a kind in the release's namespace."""
        found = self.cluster.kubectl("get", kind, "-o", "name", namespace="default").split()
        return {name.rsplit("/", 1)[-1] for name in found}


@pytest.fixture(scope="module")
def plane() -> Iterator[Empty]:
    with ControlPlane(find_binaries()) as plane:
        environment = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
        yield Empty(Cluster(plane, find_kubectl()), environment)


@pytest.fixture
def empty(plane: Empty) -> Iterator[Empty]:
    yield plane
    plane.uninstall()
    kinds = ("agentmcpbindings", "pipedreamprojects", "mcpruntimes")
    crds = [f"{kind}.mcp.pipewise.io" for kind in kinds]
    plane.cluster.kubectl("delete", "crd", *crds, "--ignore-not-found", "--wait=false")
    # The API server first deletes all objects of a kind, which may take it half a minute.
    eventually_sync(lambda: not plane.cluster.kubectl("get", "crd", "-o", "name"), within=120)


def test_install_upgrade_and_uninstall_keep_kinds_and_bindings(empty: Empty) -> None:
    notes = empty.helm("install", "sandbox.enabled=true")
    project = json.loads(empty.cluster.kubectl("get", "pipedreamproject", "sandbox", "-o", "json"))
    assert project["spec"]["projectID"] == "proj_demo"

    # What the notes tell the reader to do next works as it stands.
    command, rest = notes.split("apply -f - <<END\n", 1)
    assert command.rstrip().endswith("kubectl -n default")
    empty.cluster.kubectl("apply", "-f", "-", stdin=rest.split("  END\n")[0], namespace="default")

    empty.helm("upgrade", "sandbox.enabled=true")
    assert empty.names("pipedreamprojects") == {"sandbox"}
    empty.uninstall()
    assert empty.names("pipedreamprojects") == set()
    binding = json.loads(empty.cluster.kubectl("get", "amb", "coordinator-ada", "-o", "json"))
    assert binding["spec"]["placement"] == "Managed"
    assert binding["spec"]["projectRef"] == "sandbox"
    assert empty.names("deployments") == set()


def test_the_sandboxs_project_goes_with_the_sandbox_and_with_its_name(empty: Empty) -> None:
    empty.helm("install", "sandbox.enabled=true")
    empty.helm("upgrade", "sandbox.enabled=true", "sandbox.project=trial")
    assert empty.names("pipedreamprojects") == {"trial"}
    empty.helm("upgrade", "sandbox.enabled=false")
    assert empty.names("pipedreamprojects") == set()
    assert not [name for name in empty.names("deployments") if "sandbox" in name]


def test_a_users_project_is_never_replaced_nor_deleted(empty: Empty) -> None:
    empty.helm("install")
    for name in PROJECTS:
        empty.cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(users(name)), namespace="default")
    with pytest.raises(
        HelmError, match=r'PipedreamProject "sandbox" of namespace default .* sandbox\.project'
    ):
        empty.helm("upgrade", "sandbox.enabled=true")
    empty.helm("upgrade", "sandbox.enabled=true", "sandbox.project=trial")
    assert empty.names("pipedreamprojects") == {*PROJECTS, "trial"}
    empty.helm("upgrade", "sandbox.enabled=false")
    empty.uninstall()
    assert empty.names("pipedreamprojects") == PROJECTS
    for name in PROJECTS:
        found = json.loads(empty.cluster.kubectl("get", "pipedreamproject", name, "-o", "json"))
        assert found["spec"]["projectID"] == "proj_own"


def test_kinds_that_stayed_are_taken_over_by_another_release_when_it_is_told_to(empty: Empty) -> None:
    empty.helm("install")
    empty.uninstall()
    with pytest.raises(HelmError, match=r"CustomResourceDefinition .* invalid ownership metadata"):
        empty.helm("install", release="other")
    empty.helm("install", release="other", options=["--take-ownership"])
    empty.uninstall("other")
    empty.helm("install", "crds.install=false")


def users(name: str) -> dict[str, object]:
    """A project of a user."""
    spec = {"projectID": "proj_own", "environment": "production", "credentialsSecretRef": {"name": "own"}}
    kind = {"apiVersion": "mcp.pipewise.io/v1alpha1", "kind": "PipedreamProject"}
    return {**kind, "metadata": {"name": name}, "spec": spec}
