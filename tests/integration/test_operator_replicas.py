"""Two operators, one Lease: one acts; the other takes over soon, and nothing is written by both."""

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from support.admitting import Webhook, admitting, pod
from support.cluster import Namespace
from support.eventually import eventually
from support.operating import Operated, binding, metric_in
from support.programs import Program
from support.sandbox import Sandbox, sandbox

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/pipewise-operator"


class Replicas:
    """Two operators in one namespace, each with the rights of a ServiceAccount of its own."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self.programs = {name: self._program(name, folder) for name in ("one", "two")}

    def _program(self, name: str, folder: Path) -> Program:
        home = folder / name
        home.mkdir()
        token = self.namespace.service_account_token(name)
        self.namespace.apply(_all_rights(self.namespace.name, name))
        config = home / "kubeconfig"
        config.write_text(self.namespace.cluster.plane.kubeconfig_text(token, self.namespace.name))
        arguments = ["--metrics", "127.0.0.1:0", "--kubeconfig", config, "--namespace", self.namespace.name]
        return Program("pipewise_operator", arguments, home, {"POD_NAME": name})

    def holder(self) -> str:
        """Which of the two holds the Lease; empty when nobody does."""
        lease = self.namespace.cluster.api.json("GET", LEASE.format(self.namespace.name))
        return str(lease["spec"].get("holderIdentity") or "").split("_")[0]

    def leader(self) -> Program:
        """The program that holds the Lease."""
        return self.programs[self.holder()]

    def standby(self) -> Program:
        """The other one."""
        return self.programs[{"one": "two", "two": "one"}[self.holder()]]

    def writes(self) -> Sequence[Mapping[str, Any]]:
        """What the API server noted of the two operators' writes, but those of the Lease, oldest first."""
        users = {f"system:serviceaccount:{self.namespace}:{name}": name for name in self.programs}
        with self.namespace.cluster.plane.audit_log.open() as log:
            noted = [json.loads(line) for line in log]
        return [
            {"by": users[each["user"]["username"]], **each["objectRef"]}
            for each in noted
            if each["user"]["username"] in users and each["objectRef"]["resource"] != "leases"
        ]


def _all_rights(namespace: str, account: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def text_at(url: str) -> str:
    with urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def is_leading(program: Program) -> bool:
    return metric_in(text_at(program.url("metrics") + "/metrics"), "pipewise_leader", {}) == 1


@pytest.fixture
async def pipedream() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


@pytest.fixture
def replicas(namespace: Namespace, tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(namespace, tmp_path)
    with ExitStack() as stack:
        for program in made.programs.values():
            stack.enter_context(program)
            program.url("metrics", within=30)
        yield made


@pytest.fixture
def webhook(namespace: Namespace, tmp_path: Path) -> Iterator[Webhook]:
    with admitting(namespace, tmp_path / "webhook") as running:
        yield running


@pytest.fixture
async def operated(replicas: Replicas, pipedream: Sandbox) -> Operated:
    """Both run, and a binding is Ready."""
    await pipedream.admin.add_account("user-42", "sendgrid")
    operated = Operated(replicas.namespace, replicas.programs["one"])
    operated.credentials()
    operated.project(pipedream.api_url)
    operated.runtime()
    operated.report()
    operated.binding()
    await eventually(lambda: operated.ready() == ("True", "Ready"))
    return operated


async def test_one_of_two_leads_and_the_other_is_ready_and_silent(
    operated: Operated, replicas: Replicas
) -> None:
    leader, standby = replicas.leader(), replicas.standby()
    assert is_leading(leader)
    assert not is_leading(standby)
    assert text_at(standby.url("metrics") + "/readyz") == "ok\n"
    assert "pipewise_binding_condition{" not in text_at(standby.url("metrics") + "/metrics")
    assert {write["by"] for write in replicas.writes()} == {replicas.holder()}
    assert operated.ready() == ("True", "Ready")


async def test_a_killed_leader_is_replaced_within_twelve_seconds_under_load(
    operated: Operated, replicas: Replicas, pipedream: Sandbox, webhook: Webhook
) -> None:
    leader, standby = replicas.leader(), replicas.standby()
    users = [f"user-{number}" for number in range(30)]
    for user in users:
        await pipedream.admin.add_account(user, "sendgrid")
    operated.namespace.apply(*(binding(user, user) for user in users))
    leader.kill()
    began = time.monotonic()
    operated.binding("after", "user-0", agent="meeting-scheduler")
    admitted = 0
    while not is_leading(standby):
        assert time.monotonic() - began < 15
        operated.namespace.apply(pod(f"agent-{admitted}"))
        admitted += 1
    took_over = time.monotonic() - began
    assert webhook.metric("pipewise_webhook_requests_total", webhook="mutate-pods") >= admitted > 3
    await eventually(lambda: all(operated.ready(user) == ("True", "Ready") for user in users), within=15)
    judged = time.monotonic() - began
    print(f"SIGKILL: takeover {took_over:.1f} s, all judged {judged:.1f} s, pods admitted {admitted}")  # noqa: T201
    assert took_over <= 12
    assert_written_by_one_at_a_time(replicas)
    assert_written_once_each(replicas, users)


async def test_a_leader_that_ends_gracefully_is_replaced_within_a_second(
    operated: Operated, replicas: Replicas
) -> None:
    leader, standby = replicas.leader(), replicas.standby()
    began = time.monotonic()
    assert leader.terminate() == 0
    ended = time.monotonic()
    await eventually(lambda: is_leading(standby), within=2)
    took_over = time.monotonic() - ended
    print(f"ended in {ended - began:.2f} s; takeover {took_over:.2f} s after that")  # noqa: T201
    assert took_over <= 1
    operated.binding("after", "user-42", agent="meeting-scheduler")
    await eventually(lambda: operated.ready("after") == ("False", "RuntimeUnavailable"))
    assert_written_by_one_at_a_time(replicas)


async def test_a_leader_that_stood_still_writes_nothing_any_more_and_ends(
    operated: Operated, replicas: Replicas
) -> None:
    frozen, standby = replicas.leader(), replicas.standby()
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        await eventually(lambda: is_leading(standby), within=15)
        operated.report(providers=[])
        operated.binding("after", "user-42", agent="meeting-scheduler")
        await eventually(lambda: operated.ready("after")[0] == "False")
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    await eventually(lambda: frozen.returncode is not None, within=10)
    assert frozen.returncode == 1
    assert "lease" in frozen.log
    assert_written_by_one_at_a_time(replicas)


def assert_written_by_one_at_a_time(replicas: Replicas) -> None:
    """Once the second has written, the first never did again."""
    order = [write["by"] for write in replicas.writes()]
    changes = [second for first, second in pairwise(order) if first != second]
    assert len(changes) <= 1, order


def assert_written_once_each(replicas: Replicas, names: Sequence[str]) -> None:
    """Each binding's status was written at most twice, whoever led."""
    written = [write["name"] for write in replicas.writes() if write["resource"] == "agentmcpbindings"]
    assert {name: written.count(name) for name in names if written.count(name) not in (1, 2)} == {}
