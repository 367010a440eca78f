"""What the runtime takes up from a real API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from pipewise_crds import GROUP
from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.kubernetes import KubernetesSource, Listeners
from pipewise_runtime.sources.roster import Scope
from support.cluster import Cluster, Namespace
from support.eventually import eventually
from support.operating import metric_in
from support.runtimes import RememberingSink, api_server_away, binding_manifest, project_manifest

SIDECAR = Scope(frozenset({"coordinator"}), "Sidecar", BUILT_IN)
NAME = "runtime-1"
_WATCHES = 3
"""Those of a source: projects, bindings, its own MCPRuntime."""


@dataclass
class Heard:
    """What a source told its listeners."""

    tokens: list[tuple[str, datetime | None]] = field(default_factory=list)
    moved: int = 0
    deleted: int = 0

    def listeners(self) -> Listeners:
        """Listeners that write down what they hear."""
        return Listeners(lambda project, at: self.tokens.append((project, at)), self._moved, self._deleted)

    def _moved(self) -> None:
        self.moved += 1

    def _deleted(self) -> None:
        self.deleted += 1


@asynccontextmanager
async def following(
    namespace: Namespace, sink: RememberingSink, heard: Heard | None = None, scope: Scope = SIDECAR
) -> AsyncIterator[KubernetesSource]:
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    source = KubernetesSource(client, NAME, scope, sink)
    task = asyncio.create_task(source.run((heard or Heard()).listeners()))
    try:
        async with asyncio.timeout(10):
            await source.synced.wait()
        yield source
        await eventually(lambda: watches(namespace.cluster) >= _WATCHES, within=20)
    finally:
        task.cancel()
        await asyncio.wait((task,))
        await client.close()


def watches(cluster: Cluster) -> float:
    """The watches of our kinds that are open.

    A source is ended only when it has all of its own: cut off amid a TLS handshake, anyio leaves its
    socket to the garbage collector, which warns in some later test.
    """
    text = cluster.api.request("GET", "/metrics").decode()
    return metric_in(text, "apiserver_longrunning_requests", {"group": GROUP, "verb": "WATCH"})


@pytest.fixture
def sink() -> RememberingSink:
    return RememberingSink()


async def test_bindings_there_are_and_those_that_come_are_served(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(project_manifest(), binding_manifest("first", "u1"))
    async with following(namespace, sink):
        assert set(sink.bindings) == {"first"}
        assert set(sink.projects) == {"default"}
        assert [service.app for service in sink.bindings["first"].services] == ["sendgrid", "twitter"]
        namespace.apply(binding_manifest("second", "u2"))
        await eventually(lambda: set(sink.bindings) == {"first", "second"})


async def test_changed_paused_and_deleted_bindings_are_followed(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(binding_manifest("one"))
    async with following(namespace, sink):
        namespace.apply(binding_manifest("one", demo="Never"))
        await eventually(lambda: sink.bindings["one"].demo == "Never")
        namespace.apply(binding_manifest("one", paused=True))
        await eventually(lambda: not sink.bindings)
        namespace.apply(binding_manifest("one", paused=False))
        await eventually(lambda: "one" in sink.bindings)
        namespace.kubectl("delete", "amb", "one")
        await eventually(lambda: not sink.bindings)


async def test_bindings_of_other_agents_placements_or_without_services_are_not_served(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(
        binding_manifest("other-agent", agent="meeting-scheduler"),
        binding_manifest("managed", "u2", placement="Managed"),
        binding_manifest("mine", "u3"),
    )
    async with following(namespace, sink):
        assert set(sink.bindings) == {"mine"}


async def test_the_older_of_two_bindings_serves_and_the_younger_takes_over_when_it_goes(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(binding_manifest("a-first"))
    namespace.apply(binding_manifest("b-second"))
    async with following(namespace, sink):
        assert set(sink.bindings) == {"a-first"}
        namespace.kubectl("delete", "amb", "a-first")
        await eventually(lambda: set(sink.bindings) == {"b-second"})


async def test_account_states_come_from_the_bindings_status(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(binding_manifest("one"))
    async with following(namespace, sink):
        service = {"name": "sendgrid", "app": "sendgrid", "verdict": "Healthy", "account": {"state": "Dead"}}
        namespace.set_status("agentmcpbindings", "one", {"services": [service]})
        await eventually(lambda: sink.bindings["one"].services[0].account == "Dead")


async def test_a_status_that_changes_nothing_for_calls_delivers_nothing_and_moves_nothing(
    namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(binding_manifest("one"))
    async with following(namespace, sink) as source:
        assert source.take_moved()
        before, deliveries = int(source.synced_through), sink.deliveries
        namespace.set_status("agentmcpbindings", "one", {"endpoint": "http://127.0.0.1:8720/x"})
        await eventually(lambda: int(source.synced_through) > before)
        assert sink.deliveries == deliveries
        assert not source.take_moved()


async def test_synced_through_reaches_the_version_of_each_binding(
    namespace: Namespace, sink: RememberingSink
) -> None:
    heard = Heard()
    async with following(namespace, sink, heard) as source:
        namespace.apply(binding_manifest("one"))
        version = int(namespace.get("amb", "one")["metadata"]["resourceVersion"])
        await eventually(lambda: int(source.synced_through) >= version)
        assert source.take_moved()
        assert heard.moved >= 1


async def test_what_vanished_while_the_api_server_was_away_is_dropped_and_the_rest_stays(
    cluster: Cluster, namespace: Namespace, sink: RememberingSink
) -> None:
    namespace.apply(binding_manifest("stays", "u1"), binding_manifest("goes", "u2"))
    async with following(namespace, sink):
        with api_server_away(cluster):
            assert set(sink.bindings) == {"stays", "goes"}
        namespace.kubectl("delete", "amb", "goes")
        await eventually(lambda: set(sink.bindings) == {"stays"}, within=20)


async def test_a_project_that_is_deleted_is_dropped_also_while_nobody_looked(
    cluster: Cluster, namespace: Namespace, sink: RememberingSink
) -> None:
    heard = Heard()
    namespace.apply(project_manifest("one"), project_manifest("two"), project_manifest("three"))
    async with following(namespace, sink, heard):
        namespace.kubectl("delete", "pdp", "one")
        await eventually(lambda: set(sink.projects) == {"two", "three"})
        assert heard.tokens[-1] == ("one", None)
        with api_server_away(cluster):
            assert set(sink.projects) == {"two", "three"}
        namespace.kubectl("delete", "pdp", "two")
        await eventually(lambda: set(sink.projects) == {"three"}, within=20)


async def test_the_deletion_of_the_own_runtime_is_heard(namespace: Namespace, sink: RememberingSink) -> None:
    heard = Heard()
    namespace.apply(_runtime(NAME, []))
    async with following(namespace, sink, heard):
        namespace.kubectl("delete", "mcr", NAME)
        await eventually(lambda: heard.deleted)


def _runtime(name: str, shares: list[dict[str, Any]]) -> dict[str, Any]:
    spec = {"shares": shares}
    return {
        "apiVersion": "mcp.pipewise.io/v1alpha1",
        "kind": "MCPRuntime",
        "metadata": {"name": name},
        "spec": spec,
    }
