"""A Managed runtime's door in the test's own event loop: its server, which asks a real API server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from pipewise_runtime.metrics import Metrics
from pipewise_runtime.permitting import Permits, Reviews
from pipewise_runtime.ports import Calls
from pipewise_runtime.server.agents import AgentsApp
from pipewise_runtime.server.authentication import RECHECK_SECONDS, Authentication
from pipewise_runtime.server.listening import Address, Listener
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.reviews import ApiReviews

from .cluster import Namespace
from .memory_reviews import Time


@dataclass
class Door:
    """The door of a running server.

    Attributes:
        url: the base URL.
        registry: the metrics.
        time: the clock that the door goes by.
    """

    url: str
    registry: CollectorRegistry
    time: Time = field(default_factory=Time)

    def refusals(self) -> dict[str, float]:
        """The counts of refusals, by code and reason."""
        found = {}
        for line in generate_latest(self.registry).decode().splitlines():
            if line.startswith("pipewise_runtime_refusals_total{"):
                labels, count = line.removeprefix("pipewise_runtime_refusals_total").rsplit(" ", 1)
                found[labels] = float(count)
        return found


@asynccontextmanager
async def door_to(
    calls: Calls, reviews: Reviews, time: Time, namespace: str, recheck_seconds: float = RECHECK_SECONDS
) -> AsyncIterator[Door]:
    """Serve a call path to those who may."""
    metrics = Metrics("test")
    app = AgentsApp(calls, is_loopback=True)
    permits = Permits(reviews, clock=time.clock)
    guarded = Authentication(app, calls, permits, namespace, metrics.refusals, recheck_seconds)
    listener = Listener(guarded, Address("127.0.0.1", 0), drain_seconds=1)
    await listener.start()
    try:
        yield Door(listener.address.url(), metrics.registry, time)
    finally:
        app.close()
        await listener.stop()


@asynccontextmanager
async def guarded_by(namespace: Namespace, calls: Calls) -> AsyncIterator[Door]:
    """Serve a call path to those whom the API server knows and allows; time passes as the test says.

    Times in tokens are those of the API server, so the clock begins now.
    """
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    try:
        async with door_to(calls, ApiReviews(client), Time.now(), namespace.name) as door:
            yield door
    finally:
        await client.close()


def grant(namespace: Namespace, binding: str, account: str) -> None:
    """Give an account, such as `sales:agents`, the right to use a binding, or all if the name is empty."""
    name = f"use-{binding or 'all'}-{account.replace(':', '-')}"
    rule = {
        "apiGroups": ["mcp.pipewise.io"],
        "resources": ["agentmcpbindings"],
        "verbs": ["use"],
        **({"resourceNames": [binding]} if binding else {}),
    }
    namespace.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": name},
            "rules": [rule],
        }
    )
    namespace.kubectl("create", "rolebinding", name, f"--role={name}", f"--serviceaccount={account}")


def revoke(namespace: Namespace) -> None:
    """Take all rights in the namespace away again."""
    namespace.kubectl("delete", "rolebindings", "--all")
