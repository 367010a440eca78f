"""The embedded control plane: quick, ours alone, and gone when its owner is."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipewise_cli.controlplane import ApiError, ControlPlane, StartError, User, find_binaries
from support.cluster import Cluster, KubectlError, Namespace
from support.eventually import eventually_sync

OWNER = """
import signal, sys, time
from pipewise_cli.controlplane import ControlPlane, find_binaries
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started the tests with &
with ControlPlane(find_binaries()) as plane:
    print(plane.kubeconfig.parent, plane._etcd._child.pid, plane._apiserver._child.pid, flush=True)
    while True:
        time.sleep(0.1)
"""
"""It sleeps in short naps: a signal that comes right before a blocking call is handled only after it."""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane(find_binaries(), users=[User("reader", ("readers",))]) as started:
        yield started


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield child
        child.kill()


def read_owner(owner: subprocess.Popen[str]) -> tuple[Path, list[int]]:
    assert owner.stdout is not None
    folder, *pids = owner.stdout.readline().split()
    return Path(folder), [int(pid) for pid in pids]


def test_objects_survive_a_crash_of_the_api_server(plane: ControlPlane) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    plane.api.json("POST", path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})
    url = plane.url
    plane.kill_apiserver()
    with pytest.raises(OSError, match="refused"):
        plane.api.request("GET", "/readyz")
    plane.restart_apiserver()
    assert plane.url == url
    assert plane.api.json("GET", f"{path}/kept")["metadata"]["name"] == "kept"


def test_a_further_user_has_only_the_rights_that_rbac_gives(plane: ControlPlane) -> None:
    reader = plane.api_as(plane.users[0].token)
    with pytest.raises(ApiError, match='User "reader" cannot list resource "secrets"') as refusal:
        reader.request("GET", "/api/v1/namespaces/default/secrets")
    assert refusal.value.status == 403


def test_nobody_else_may_read_the_tokens(plane: ControlPlane) -> None:
    folder = plane.kubeconfig.parent
    assert folder.stat().st_mode & 0o077 == 0
    assert plane.kubeconfig.stat().st_mode & 0o077 == 0
    assert plane.token not in repr(plane.admin) + repr(plane.api)


def test_it_is_up_within_five_seconds_and_leaves_nothing_behind() -> None:
    started = time.monotonic()
    with ControlPlane(find_binaries()) as plane:
        took = time.monotonic() - started
        folder = plane.kubeconfig.parent
    assert not folder.exists()
    assert took < 5.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_a_killed_owner_takes_its_servers_along_and_the_next_start_removes_its_files(
    owner: subprocess.Popen[str],
) -> None:
    folder, pids = read_owner(owner)
    owner.kill()
    eventually_sync(lambda: not any(is_alive(pid) for pid in pids))
    assert folder.exists()
    with ControlPlane(find_binaries()):
        assert not folder.exists()


def test_an_interrupted_owner_leaves_nothing_behind(owner: subprocess.Popen[str]) -> None:
    folder, pids = read_owner(owner)
    owner.send_signal(signal.SIGINT)
    owner.wait(20)
    assert not any(is_alive(pid) for pid in pids)
    assert not folder.exists()


def test_a_living_owners_files_are_left_alone(cluster: Cluster) -> None:
    with ControlPlane(find_binaries()):
        assert cluster.kubeconfig.exists()
    assert cluster.kubeconfig.exists()


def test_a_program_that_does_not_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho the disk is on fire >&2\nexit 1\n")
    broken.chmod(0o755)
    binaries = find_binaries()
    plane = ControlPlane(type(binaries)(binaries.etcd, broken))
    ended = "kube-apiserver ended; the end of its log:\nthe disk is on fire"
    with pytest.raises(StartError, match=ended), plane:
        pass
    assert not plane.kubeconfig.parent.exists()


def test_every_write_is_in_the_audit_log_and_no_read_is(cluster: Cluster, namespace: Namespace) -> None:
    namespace.kubectl("create", "configmap", "audited")
    namespace.kubectl("get", "configmap", "audited")

    def entries() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in cluster.plane.audit_log.read_text().splitlines()]
        return [
            {"verb": line["verb"], "user": line["user"]["username"]}
            for line in lines
            if line.get("objectRef", {}).get("name") == "audited"
        ]

    assert eventually_sync(entries) == [{"verb": "create", "user": "admin"}]


def test_metrics_of_the_api_server_can_be_read(cluster: Cluster) -> None:
    assert b"apiserver_request_total" in cluster.api.request("GET", "/metrics")


def test_a_service_account_token_is_bound_to_its_pod_and_known_to_the_api_server(
    namespace: Namespace,
) -> None:
    container = {"name": "c", "image": "none"}
    spec = {"containers": [container], "serviceAccountName": "runtime"}
    namespace.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    token = namespace.service_account_token("runtime", pod="p")
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    info = namespace.cluster.plane.api_as(token).json("POST", path, review)["status"]["userInfo"]
    assert info["username"] == f"system:serviceaccount:{namespace.name}:runtime"
    assert info["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]


def test_kubectl_errors_show_what_kubectl_said(namespace: Namespace) -> None:
    with pytest.raises(KubectlError, match='configmaps "nowhere" not found'):
        namespace.kubectl("get", "configmap", "nowhere")
