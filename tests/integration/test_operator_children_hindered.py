"""What the operator makes for runtimes where the API server hinders it: in one namespace, or for a while."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.charted import charted_operator
from support.cluster import Cluster, KubectlError, Namespace
from support.eventually import eventually, eventually_sync
from support.listening import free_port
from support.operating import Operated

OBJECTS = 6
"""Of a namespace with one managed runtime."""


@pytest.fixture
def operated(namespace: Namespace, tmp_path: Path) -> Iterator[Operated]:
    """An operator of all namespaces; its release is in `namespace`."""
    with charted_operator(namespace, tmp_path, scope=[]) as program:
        program.url("metrics", within=30)
        yield Operated(namespace, program)


@pytest.fixture
def neighbour(namespace: Namespace) -> Iterator[Namespace]:
    """A second namespace, which the operator comes to after the first."""
    fresh = Namespace(namespace.cluster)
    yield fresh
    fresh.clear()


@pytest.fixture
def nobody() -> int:
    """A port at which connections are refused."""
    return free_port()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port at which connections are taken and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def made(namespace: Namespace) -> int:
    """How many objects the operator has made there for runtimes."""
    kinds = "role,rolebinding,serviceaccount,service,networkpolicy,deployment"
    return len(namespace.items(kinds, "--selector=app.kubernetes.io/component=runtime"))


def webhook(namespace: Namespace, port: int) -> dict[str, Any]:
    """A webhook that is down and without which nothing can be written in a namespace but our own kinds."""
    groups = ["", "apps", "networking.k8s.io", "rbac.authorization.k8s.io"]
    of_all = {"apiVersions": ["*"], "operations": ["*"], "resources": ["*"], "scope": "Namespaced"}
    rule = {"apiGroups": groups, **of_all}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"{namespace}-dead"},
        "webhooks": [
            {
                "name": "dead.example.com",
                "clientConfig": {"url": f"https://127.0.0.1:{port}/"},
                "rules": [rule],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
                "failurePolicy": "Fail",
                "timeoutSeconds": 2,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


@contextmanager
def hindered(namespace: Namespace, port: int) -> Iterator[None]:
    """Nothing can be written in a namespace for as long as this lasts."""
    configuration = webhook(namespace, port)
    namespace.apply(configuration)

    def is_in_force() -> bool:
        try:
            namespace.kubectl("create", "configmap", "probe", "--dry-run=server")
        except KubectlError:
            return True
        return False

    eventually_sync(is_in_force, within=30)
    try:
        yield
    finally:
        namespace.kubectl("delete", configuration["kind"], configuration["metadata"]["name"])


def reviewed(cluster: Cluster, name: str) -> set[str]:
    """The namespaces whose managed runtimes may have tokens reviewed."""
    found = cluster.api.json("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}")
    return {each["namespace"] for each in found.get("subjects") or []}


@pytest.mark.parametrize("port", ["nobody", "silent"])
async def test_a_namespace_in_which_nothing_can_be_written_holds_up_no_other(
    operated: Operated, neighbour: Namespace, port: str, request: pytest.FixtureRequest
) -> None:
    namespace = operated.namespace
    with hindered(namespace, request.getfixturevalue(port)):
        for each in (namespace, neighbour):
            Operated(each, operated.program).binding(placement="Managed")
        await eventually(lambda: made(neighbour) == OBJECTS, within=15)
        both = {namespace.name, neighbour.name}
        name = f"{namespace}-runtime-authentication"
        await eventually(lambda: reviewed(namespace.cluster, name) == both)
        await eventually(lambda: "dead.example.com" in operated.program.log, within=30)
        assert made(namespace) == 0
    await eventually(lambda: made(namespace) == OBJECTS, within=60)


async def test_who_may_have_tokens_reviewed_is_told_again_after_a_refusal_and_put_right_within_a_minute(
    operated: Operated,
) -> None:
    namespace, name = operated.namespace, f"{operated.namespace}-runtime-authentication"
    found = namespace.get("clusterrolebinding", name)
    namespace.kubectl("delete", "clusterrolebinding", name)
    operated.binding(placement="Managed")
    await eventually(lambda: "runtime's object not applied" in operated.program.log, within=15)
    parts = ("apiVersion", "kind", "roleRef")
    namespace.apply({**{part: found[part] for part in parts}, "metadata": {"name": name}})
    await eventually(lambda: reviewed(namespace.cluster, name) == {namespace.name}, within=30)
    namespace.kubectl("patch", "clusterrolebinding", name, "--type=merge", '--patch={"subjects": null}')
    await eventually(lambda: reviewed(namespace.cluster, name) == {namespace.name}, within=90)
