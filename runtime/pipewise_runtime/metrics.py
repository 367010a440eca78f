"""The runtime's Prometheus metrics. Every label set is born at 0; no user id is ever a label."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from .core.retry import Outcome

OUTCOMES = ("ok", "tool_error", *(outcome.value for outcome in Outcome))
RETRY_REASONS = ("not_sent", "upstream", "quota", "account", "session", "token")
_PREFIX = "pipewise_runtime"
_LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class _Labelled(Protocol):
    def labels(self, *labels: str) -> object: ...


_Metric = TypeVar("_Metric", bound=MetricWrapperBase)


class ByLabels(dict[tuple[str, ...], _Metric], Generic[_Metric]):
    """The children of a metric by their labels, for where each call counts: `labels()` costs much more."""

    def __init__(self, metric: _Metric) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> _Metric:
        child = self[labels] = self._metric.labels(*labels)
        return child


class Metrics:
    """All metrics of one runtime, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self.calls = self._counter("calls", "Calls of tools by outcome.", "agent", "app", "outcome")
        self.calls_by = ByLabels(self.calls)
        self.demo_calls = self._counter("demo_calls", "Calls answered in demo mode.", "agent", "app")
        self.retries = self._counter("retries", "Tries after the first, by their cause.", "app", "reason")
        self.reinitialisations = self._counter(
            "session_reinitialisations", "Sessions opened anew after a loss.", "app"
        )
        self.breaker_transitions = self._counter(
            "breaker_transitions", "Openings and closings of an app's breaker.", "project", "app", "to"
        )
        self.quota_rejections = self._counter(
            "quota_rejections", "Tries met by 429 or by our own share of the quota.", "project"
        )
        self.token_rejections = self._counter("token_rejections", "Tries met by 401.", "project")
        self.calls_refused = self._counter(
            "calls_refused", "Calls not begun because too many were under way and in line.", "app"
        )
        self.refusals = self._counter("refusals", "Requests refused at the door.", "code", "reason")
        self.provider_available = self._gauge(
            "provider_available", "1 while an app answers, 0 while it does not.", "project", "app"
        )
        self.breaker_open = self._gauge(
            "breaker_open", "1 while calls of an app are refused early.", "project", "app"
        )
        self.quota_exhausted = self._gauge(
            "quota_exhausted", "1 while Pipedream refuses runs of a project.", "project"
        )
        self.calls_under_way = self._gauge("calls_under_way", "Calls begun and not answered yet.")
        self.calls_waiting = self._gauge("calls_waiting", "Calls in line behind those under way.")
        self.sessions = self._gauge("sessions_open", "Upstream sessions open.")
        self.exchanges = self._gauge("upstream_requests", "Requests that wait for an upstream's answer.")
        self.bindings = self._gauge("bindings", "Bindings served.")
        self.tasks = self._gauge("tasks", "Tasks of the event loop; at rest always the same few.")
        self.duration = Histogram(
            f"{_PREFIX}_call_duration_seconds", "How long calls took, retries included.", ["app"],
            buckets=_LATENCY_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.duration_by = ByLabels(self.duration)
        build = Gauge("pipewise_build_info", "Always 1.", ["program", "version"], registry=self.registry)
        build.labels("pipewise-runtime", version).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def know_project(self, project: str, is_exhausted: Callable[[], bool]) -> None:
        """Give birth to the project's label sets; whether its quota is exhausted is asked at each scrape."""
        _touch((self.quota_rejections, self.token_rejections), project)
        self.quota_exhausted.labels(project).set_function(is_exhausted)

    def forget_project(self, project: str) -> None:
        """Say nothing more of the state of a project that is not served any more."""
        self.quota_exhausted.remove(project)

    def forget_app(self, project: str, app: str) -> None:
        """Say nothing more of the state of an app that nobody uses any more."""
        for gauge in (self.provider_available, self.breaker_open):
            gauge.remove(project, app)

    def know_demo(self, agent: str, app: str) -> None:
        """Give birth to the label set of made-up results."""
        self.demo_calls.labels(agent, app)

    def know_app(self, project: str, agent: str, app: str) -> None:
        """Give birth to the label sets of an app as used by an agent."""
        for outcome in OUTCOMES:
            self.calls.labels(agent, app, outcome)
        _touch((self.duration, self.reinitialisations, self.calls_refused), app)
        for reason in RETRY_REASONS:
            self.retries.labels(app, reason)
        self.breaker_open.labels(project, app)
        for to in ("open", "closed"):
            self.breaker_transitions.labels(project, app, to)


def _touch(metrics: Sequence[_Labelled], *labels: str) -> None:
    for metric in metrics:
        metric.labels(*labels)
