"""A cluster whose nodes run our images: made by kind through pytest-kind, or one that is there already."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pytest_kind import KindCluster  # type: ignore[import-untyped] # it ships no types

_KUBECTL_TIMEOUT_SECONDS = 120
_KIND_CONTEXT = "kind-"


class ClusterError(AssertionError):
    """A program that speaks to the cluster failed; the message is what it wrote."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A cluster, and kubectl to speak to it with all rights."""

    kubeconfig: Path

    def kubectl(self, *arguments: str, namespace: str = "", stdin: str | None = None) -> str:
        """Run kubectl and return its output.

        Raises:
            ClusterError: it ended with an error.
        """
        where = ["--namespace", namespace] if namespace else []
        return run("kubectl", "--kubeconfig", str(self.kubeconfig), *where, *arguments, stdin=stdin)

    def apply(self, namespace: str, *manifests: Mapping[str, Any]) -> str:
        """Apply objects, in a namespace unless they name another one."""
        return self.kubectl("apply", "-f", "-", namespace=namespace, stdin=yaml.safe_dump_all(manifests))

    def admitted(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """What would become of an object, after all admission, without making it."""
        text = self.kubectl(
            *("create", "--dry-run=server", "-o", "json", "-f", "-"),
            namespace=namespace,
            stdin=yaml.safe_dump(dict(manifest)),
        )
        found: dict[str, Any] = json.loads(text)
        return found

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
        """Read one object."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json", namespace=namespace))
        return found

    def items(self, kind: str, namespace: str = "", selector: str = "") -> Sequence[dict[str, Any]]:
        """Read all objects of a kind: in one namespace, or everywhere."""
        where = [] if namespace else ["--all-namespaces"]
        chosen = ["--selector", selector] if selector else []
        text = self.kubectl("get", kind, "-o", "json", *where, *chosen, namespace=namespace)
        found: Sequence[dict[str, Any]] = json.loads(text)["items"]
        return found

    def may(self, account: str, verb: str, resource: str, namespace: str) -> bool:
        """Whether a user may do something in a namespace; resources are named with their group."""
        plural, _, group = resource.partition(".")
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": plural}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": account, "resourceAttributes": attributes},
        }
        text = self.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
        return bool(json.loads(text)["status"]["allowed"])

    def load(self, *images: str) -> None:
        """Give images to the nodes, where the cluster is one of kind's; others pull them by themselves."""
        context = self.kubectl("config", "current-context").strip()
        if context.startswith(_KIND_CONTEXT):
            name = context.removeprefix(_KIND_CONTEXT)
            run("kind", "load", "docker-image", *images, "--name", name, timeout_seconds=300)

    def kill_container(self, pod: Mapping[str, Any], container: str) -> None:
        """End a container's processes without warning, as a node out of memory does."""
        status = pod["status"]
        every = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]
        (identity,) = [each["containerID"] for each in every if each["name"] == container]
        task = identity.removeprefix("containerd://")
        node = pod["spec"]["nodeName"]
        run("docker", "exec", node, "ctr", "-n", "k8s.io", "task", "kill", "--signal", "SIGKILL", task)


@contextmanager
def made_by_kind(name: str, folder: Path, *, keep: bool) -> Iterator[Kind]:
    """A cluster by kind, whose program is found on PATH; deleted afterwards unless it is to be kept."""
    kubeconfig = folder / "kubeconfig"
    made = KindCluster(name, kubeconfig, kind_path=_found("kind"), kubectl_path=_found("kubectl"))
    try:
        made.create()
        cluster = Kind(kubeconfig)
        # Kind's node is Ready before pods can find a Service by its name.
        cluster.kubectl("rollout", "status", "deploy/coredns", "--timeout=90s", namespace="kube-system")
        yield cluster
    finally:
        if not keep:
            made.delete()


def run(*command: str, stdin: str | None = None, timeout_seconds: float = _KUBECTL_TIMEOUT_SECONDS) -> str:
    """Run a program and return its output.

    Raises:
        ClusterError: it ended with an error.
    """
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=timeout_seconds, check=False
    )
    if done.returncode:
        raise ClusterError(f"{' '.join(command[:4])} …: {(done.stderr or done.stdout).strip()[-3000:]}")
    return done.stdout


def _found(program: str) -> Path:
    path = shutil.which(program)
    if path is None:
        raise ClusterError(f"{program} is not on PATH: install it, or give a cluster with --kubeconfig FILE")
    return Path(path)
