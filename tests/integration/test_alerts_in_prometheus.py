"""Each alert at the fast pace in a real Prometheus: silent, firing within seconds, cleared afterwards."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from pipewise_operator.alerting import FAST
from support.eventually import eventually_sync
from support.prometheus import Prometheus

WITHIN_SECONDS = 15.0
A_DAY = 86_400
CONDITION = ("namespace", "condition", "status", "reason")


class Exporter:
    """The series of an operator and a runtime in good health, to be spoilt by a test."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.build = Gauge("pipewise_build_info", "x", ["program", "version"], registry=registry)
        self.condition = Gauge("pipewise_binding_condition", "x", CONDITION, registry=registry)
        self.provider = Gauge("pipewise_provider_unavailable", "x", ["namespace", "app"], registry=registry)
        quota = Gauge("pipewise_project_quota_exhausted", "x", ["namespace", "project"], registry=registry)
        self.quota = quota.labels("sales", "default")
        labels = ["agent", "app", "outcome"]
        calls = Counter("pipewise_runtime_calls", "x", labels, registry=registry)
        self.unknown = calls.labels("coordinator", "sendgrid", "unknown")
        Gauge("pipewise_runtime_bindings", "x", registry=registry).set(1)
        runtimes = Gauge("pipewise_runtimes", "x", ["namespace", "state"], registry=registry)
        runtimes.labels("sales", "ready").set(1)
        for program in ("pipewise-operator", "pipewise-webhook"):
            self.build.labels(program, "1").set(1)
        name = "pipewise_webhook_certificate_expires_timestamp_seconds"
        self.certificate = Gauge(name, "x", registry=registry)
        self.certificate_ends(A_DAY)
        self.app = self.provider.labels("sales", "sendgrid")
        refuses = Gauge("pipewise_provider_refuses", "x", ["namespace", "app"], registry=registry)
        self.refusing_app = refuses.labels("sales", "sendgrid")
        self.account = self.condition.labels("sales", "CredentialsValid", "False", "CredentialInvalid")
        self.project = self.condition.labels("sales", "CredentialsValid", "False", "ProjectCredentialInvalid")
        self.unserved = self.condition.labels("sales", "RuntimeAvailable", "False", "RuntimeUnavailable")

    def certificate_ends(self, in_seconds: int) -> None:
        """Let the webhook's certificate end so soon; 0: it has none."""
        self.certificate.set(time.time() + in_seconds if in_seconds else 0)


@contextmanager
def served(exporter: Exporter) -> Iterator[int]:
    """Serve the exporter's metrics on a free port."""
    server, thread = start_http_server(0, "127.0.0.1", exporter.registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def becomes(prometheus: Prometheus, firing: set[str]) -> None:
    def check() -> bool:
        assert prometheus.firing() == firing
        return True

    eventually_sync(check, WITHIN_SECONDS)


STATES: list[tuple[str, Callable[[Exporter, int], None]]] = [
    ("UpstreamUnavailable", lambda exporter, value: exporter.app.set(value)),
    ("UpstreamUnavailable", lambda exporter, value: exporter.refusing_app.set(value)),
    ("CredentialInvalid", lambda exporter, value: exporter.account.set(value)),
    ("CredentialInvalid", lambda exporter, value: exporter.project.set(value)),
    ("QuotaExhausted", lambda exporter, value: exporter.quota.set(value)),
    ("RuntimeDown", lambda exporter, value: exporter.unserved.set(value)),
    ("WebhookDown", lambda exporter, value: exporter.certificate_ends(0 if value else A_DAY)),
    ("WebhookCertificateExpiring", lambda exporter, value: exporter.certificate_ends(60 if value else A_DAY)),
]


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


def test_every_state_is_told_by_its_own_alert_alone_and_cleared(exporter: Exporter, tmp_path: Path) -> None:
    with served(exporter) as port, Prometheus(tmp_path, {"pipewise": f"127.0.0.1:{port}"}) as prometheus:
        eventually_sync(lambda: prometheus.sees("pipewise_build_info"), WITHIN_SECONDS)
        becomes(prometheus, set())
        for name, spoil in STATES:
            spoil(exporter, 1)
            becomes(prometheus, {name})
            spoil(exporter, 0)
            becomes(prometheus, set())


def test_a_call_of_unknown_outcome_is_told_and_forgotten_in_time(exporter: Exporter, tmp_path: Path) -> None:
    with served(exporter) as port, Prometheus(tmp_path, {"pipewise": f"127.0.0.1:{port}"}) as prometheus:
        eventually_sync(lambda: prometheus.sees("pipewise_runtime_calls_total"), WITHIN_SECONDS)
        exporter.unknown.inc()
        becomes(prometheus, {"UnknownOutcome"})
        within = FAST.unknown_window.total_seconds() + WITHIN_SECONDS
        eventually_sync(lambda: not prometheus.firing(), within)


def test_silent_programs_are_told_although_they_say_nothing(exporter: Exporter, tmp_path: Path) -> None:
    with Prometheus(tmp_path, {"pipewise": "127.0.0.1:9"}) as prometheus:
        becomes(prometheus, {"OperatorDown", "WebhookDown"})
    exporter.registry.unregister(exporter.build)
    with served(exporter) as port, Prometheus(tmp_path, {"pipewise": f"127.0.0.1:{port}"}) as prometheus:
        becomes(prometheus, {"OperatorDown", "WebhookDown"})
