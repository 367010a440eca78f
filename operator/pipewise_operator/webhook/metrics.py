"""What the webhook counts; every label set born at 0."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from pipewise_operator import __version__

from .review import OUTCOMES, Outcome

WEBHOOKS = ("mutate-pods", "validate-bindings")
_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Metrics:
    """All metrics of one webhook program, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "pipewise_webhook_requests",
            "Questions of the API server, by what was answered.",
            ["webhook", "outcome"],
            registry=registry,
        )
        self._duration = Histogram(
            "pipewise_webhook_duration_seconds",
            "Time to an answer.",
            ["webhook"],
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )
        self.certificate_expires = Gauge(
            "pipewise_webhook_certificate_expires_timestamp_seconds",
            "When the certificate that is served ends; 0 before there is one.",
            registry=registry,
        )
        self.certificate_failures = Counter(
            "pipewise_webhook_certificate_failures",
            "Times the certificates could not be looked after.",
            registry=registry,
        )
        build = Gauge("pipewise_build_info", "Always 1.", ["program", "version"], registry=registry)
        build.labels("pipewise-webhook", __version__).set(1)
        for webhook in WEBHOOKS:
            self._duration.labels(webhook)
            for outcome in OUTCOMES:
                self._requests.labels(webhook, outcome)

    def answered(self, webhook: str, outcome: Outcome, seconds: float) -> None:
        """Count one answer."""
        self._requests.labels(webhook, outcome).inc()
        self._duration.labels(webhook).observe(seconds)
