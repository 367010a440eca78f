"""What the operator does not write: nothing when nothing changed, and little when something did."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from support.cluster import Cluster, Namespace
from support.eventually import eventually
from support.operating import Operated, binding, now, operator, writes
from support.sandbox import Sandbox, sandbox

USERS = 40


@pytest.fixture
async def pipedream() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


@pytest.fixture
async def settled(namespace: Namespace, pipedream: Sandbox, tmp_path: Path) -> AsyncIterator[Operated]:
    """An operator whose bindings are all Ready but one, with nothing left to do."""
    with operator(namespace, tmp_path) as program:
        program.url("metrics")
        running = Operated(namespace, program)
        running.credentials()
        running.project(pipedream.api_url)
        running.runtime()
        running.report()
        for number in range(USERS):
            await pipedream.admin.add_account(f"user-{number}", "sendgrid")
        namespace.apply(
            *(binding(f"b{number}", f"user-{number}") for number in range(USERS)),
            binding("unconnected", "nobody"),
        )
        await eventually(lambda: ready_bindings(namespace) == USERS, within=10)
        await eventually(lambda: running.ready("unconnected") == ("False", "CredentialInvalid"))
        yield running


def ready_bindings(namespace: Namespace) -> int:
    conditions = namespace.kubectl(
        "get", "agentmcpbindings", "-o", "jsonpath={.items[*].status.conditions[0].reason}"
    )
    return conditions.split().count("Ready")


async def test_an_operator_that_starts_anew_writes_nothing(settled: Operated, cluster: Cluster) -> None:
    before = writes(cluster)
    assert settled.program.terminate() == 0
    settled.program.start()
    await eventually(
        lambda: settled.metric("pipewise_reconciles_total", kind="AgentMCPBinding", result="ok") > USERS
    )
    await quiet(settled)
    assert writes(cluster) == before


async def test_an_idle_operator_writes_nothing(settled: Operated, cluster: Cluster) -> None:
    before = writes(cluster)
    listings = settled.metric("pipewise_account_lists_total", result="ok")
    await eventually(
        lambda: settled.metric("pipewise_account_lists_total", result="ok") > listings + 3, within=8
    )
    assert writes(cluster) == before


async def test_a_report_that_says_nothing_new_is_not_answered(settled: Operated, cluster: Cluster) -> None:
    before = writes(cluster)
    settled.namespace.set_status("mcpruntimes", "r", {"reportTime": now(), "sessions": 7})
    await quiet(settled)
    assert writes(cluster) == before + 1


async def test_a_new_binding_costs_at_most_two_writes(settled: Operated) -> None:
    assert _statuses_written(settled) <= 2 * (USERS + 1)


async def test_runtimes_that_come_one_after_another_are_counted_in_few_writes(settled: Operated) -> None:
    before = _statuses_written(settled)
    for number in range(1, 9):
        settled.runtime(f"r{number}")
        settled.report(f"r{number}")
        await eventually(partial(_runtimes_are, settled, number + 1))
    await eventually(lambda: settled.status("b0")["runtimes"] == {"ready": 9, "total": 9}, within=40)
    await eventually(lambda: settled.status("b39")["runtimes"] == {"ready": 9, "total": 9})
    assert _statuses_written(settled) - before <= 3 * (USERS + 1)


async def test_sigterm_ends_the_operator_within_two_seconds(settled: Operated) -> None:
    began = time.monotonic()
    assert settled.program.terminate() == 0
    assert time.monotonic() - began < 2


async def test_an_api_server_that_was_away_finds_the_operator_at_work(
    settled: Operated, cluster: Cluster, pipedream: Sandbox
) -> None:
    account = settled.status("b0")["services"][0]["account"]["id"]
    cluster.plane.kill_apiserver()
    await pipedream.admin.set_account(account, dead=True)
    await quiet(settled)
    cluster.plane.restart_apiserver()
    await eventually(lambda: settled.ready("b0") == ("False", "CredentialInvalid"), within=20)
    settled.binding("later", "later")
    await eventually(lambda: settled.ready("later") == ("False", "CredentialInvalid"), within=20)


def _statuses_written(operated: Operated) -> float:
    return operated.metric("pipewise_status_writes_total", kind="AgentMCPBinding", result="written")


def _runtimes_are(operated: Operated, number: int) -> bool:
    return operated.metric("pipewise_runtimes", state="ready") == number


async def quiet(operated: Operated) -> None:
    """Wait until three further listings of accounts have changed nothing more."""
    done = operated.metric("pipewise_account_lists_total", result="ok")
    await eventually(
        lambda: operated.metric("pipewise_account_lists_total", result="ok") >= done + 2, within=8
    )
    await asyncio.sleep(0)
