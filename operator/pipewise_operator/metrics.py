"""What the operator counts: the names of the contract, no user ids, every label set born at 0."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.registry import Collector

from . import __version__


class Metrics:
    """All metrics of one operator, in a registry of its own."""

    def __init__(self, *collectors: Collector) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.token_mints = Counter(
            "pipewise_token_mints",
            "Developer tokens asked for.",
            ["namespace", "project", "result"],
            registry=registry,
        )
        self.account_lists = Counter(
            "pipewise_account_lists",
            "Listings of accounts.",
            ["namespace", "project", "result"],
            registry=registry,
        )
        self.status_writes = Counter(
            "pipewise_status_writes", "Writes to the API server.", ["kind", "result"], registry=registry
        )
        self.reconciles = Counter(
            "pipewise_reconciles", "Judgements made.", ["kind", "result"], registry=registry
        )
        for collector in collectors:
            registry.register(collector)
        build = Gauge("pipewise_build_info", "Always 1.", ["program", "version"], registry=registry)
        build.labels("pipewise-operator", __version__).set(1)
        for kind in ("AgentMCPBinding", "PipedreamProject", "MCPRuntime"):
            for result in ("written", "failed", "rejected", "gone"):
                self.status_writes.labels(kind, result)
            for result in ("ok", "error"):
                self.reconciles.labels(kind, result)

    def project_known(self, namespace: str, project: str) -> None:
        """Let a project's counters begin at 0."""
        for result in ("ok", "refused", "failed"):
            self.token_mints.labels(namespace, project, result)
            self.account_lists.labels(namespace, project, result)
