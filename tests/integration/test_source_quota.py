"""What the runtime learns of its part of the quota from a real API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipewise_crds import API_VERSION, timestamp
from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.kubernetes import KubernetesSource, Listeners
from pipewise_runtime.sources.roster import Scope
from support.cluster import Namespace
from support.eventually import eventually
from support.runtimes import RememberingSink, project_manifest

SCOPE = Scope(frozenset({"coordinator"}), "Sidecar", BUILT_IN)
NAME = "runtime-1"


@asynccontextmanager
async def following(namespace: Namespace, sink: RememberingSink) -> AsyncIterator[None]:
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    source = KubernetesSource(client, NAME, SCOPE, sink)
    unheard = Listeners(lambda _project, _expires_at: None, lambda: None, lambda: None)
    task = asyncio.create_task(source.run(unheard))
    try:
        async with asyncio.timeout(10):
            await source.synced.wait()
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        await client.close()


@pytest.fixture
def sink() -> RememberingSink:
    return RememberingSink()


async def test_shares_of_the_own_runtime_reach_the_sink(namespace: Namespace, sink: RememberingSink) -> None:
    async with following(namespace, sink):
        shares = [{"project": "default", "runs": 500, "window": "5m"}]
        namespace.apply(_runtime(NAME, shares), _runtime("another", [{**shares[0], "runs": 7}]))
        await eventually(lambda: sink.shares == {"default": (500, 300.0)})


async def test_until_the_operator_has_spoken_a_small_part_of_the_limit_is_the_share(
    namespace: Namespace, sink: RememberingSink
) -> None:
    limits = {"toolRuns": 160, "window": "1m"}
    namespace.apply(project_manifest("one", limits=limits), project_manifest("two", limits={"toolRuns": 3}))
    async with following(namespace, sink):
        assert sink.shares == {"one": (10, 60.0), "two": (1, 300.0)}
        namespace.apply(_runtime(NAME, [{"project": "one", "runs": 100, "window": "1m"}]))
        await eventually(lambda: sink.shares["one"] == (100, 60.0))
        namespace.apply(project_manifest("one", limits=limits, accountPollInterval="9s"))
        namespace.apply(project_manifest("two", limits={"toolRuns": 32}))
        await eventually(lambda: sink.shares["two"] == (2, 300.0))
        assert sink.shares["one"] == (100, 60.0)


async def test_runs_reported_by_a_process_before_this_one_are_taken_up(
    namespace: Namespace, sink: RememberingSink
) -> None:
    reported = datetime.now(UTC).replace(microsecond=0)
    namespace.apply(_runtime(NAME, [{"project": "default", "runs": 100, "window": "5m"}]))
    ran = {"project": "default", "runsUsed": 70}
    status = {"projects": [ran, {**ran, "project": "gone"}], "reportTime": timestamp(reported)}
    namespace.set_status("mcpruntimes", NAME, status)
    async with following(namespace, sink):
        await eventually(lambda: sink.ran == {"default": (70, reported)})
        namespace.set_status("mcpruntimes", NAME, {**status, "projects": [{**ran, "runsUsed": 71}]})
        namespace.apply(_runtime(NAME, [{"project": "default", "runs": 99, "window": "5m"}]))
        await eventually(lambda: sink.shares == {"default": (99, 300.0)})
        assert sink.ran == {"default": (70, reported)}


async def test_what_pipedream_told_another_runtime_reaches_the_sink(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(project_manifest())
    async with following(namespace, sink):
        assert sink.held_off == {}
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=2)
        quota = {"limit": 2000, "window": "5m", "retryAt": timestamp(until)}
        namespace.set_status("pipedreamprojects", "default", {"quota": quota})
        await eventually(lambda: sink.held_off == {"default": until})


def _runtime(name: str, shares: list[dict[str, Any]]) -> dict[str, Any]:
    metadata, spec = {"name": name}, {"shares": shares}
    return {"apiVersion": API_VERSION, "kind": "MCPRuntime", "metadata": metadata, "spec": spec}
