"""The chart's dashboard for Grafana, by `python -m pipewise_operator.dashboard FOLDER` (or `--check`).

The panels are the one source; the file is what Grafana's sidecar loads from a ConfigMap. Gauges of the
operator are taken as `max` over its replicas, since only the one that leads has them.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipewise_crds.generated import keep

__all__ = ["FILE_NAME", "PANELS", "Panel", "document", "main"]

FILE_NAME = "dashboard.json"
_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 7
_HERE = 'namespace=~"$namespace"'
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph.

    Attributes:
        title: What it shows.
        expression: PromQL; `$namespace` is chosen by the reader.
        legend: The name of a series, from its labels.
        unit: Grafana's name of the unit.
    """

    title: str
    expression: str
    legend: str
    unit: str = "short"


def _rate(metric: str, by: str, where: str = _HERE) -> str:
    return f"sum by ({by}) (rate({metric}{{{where}}}[5m]))"


def _of_operator(metric: str, by: str, where: str = _HERE) -> str:
    return f"sum by ({by}) (max without (pod, instance, endpoint, container, job) ({metric}{{{where}}}))"


_DURATION = _rate("pipewise_runtime_call_duration_seconds_bucket", "le, app")
PANELS: Sequence[Panel] = (
    Panel(
        "Bindings by reason of Ready",
        _of_operator("pipewise_binding_condition", "reason", f'{_HERE},condition="Ready"'),
        "{{reason}}",
    ),
    Panel("Apps that do not answer", _of_operator("pipewise_provider_unavailable", "app"), "{{app}}"),
    Panel("Accounts by state", _of_operator("pipewise_accounts", "state"), "{{state}}"),
    Panel("Calls by outcome", _rate("pipewise_runtime_calls_total", "outcome"), "{{outcome}}", "reqps"),
    Panel("Calls by app", _rate("pipewise_runtime_calls_total", "app"), "{{app}}", "reqps"),
    Panel("Duration of calls, 95th percentile", f"histogram_quantile(0.95, {_DURATION})", "{{app}}", "s"),
    Panel("Retries by cause", _rate("pipewise_runtime_retries_total", "reason"), "{{reason}}", "reqps"),
    Panel(
        "Tries met by 429 or our own share",
        _rate("pipewise_runtime_quota_rejections_total", "project"),
        "{{project}}",
        "reqps",
    ),
    Panel(
        "Projects without runs left",
        _of_operator("pipewise_project_quota_exhausted", "namespace, project"),
        "{{namespace}}/{{project}}",
    ),
    Panel("Runtimes by state", _of_operator("pipewise_runtimes", "state"), "{{state}}"),
    Panel(
        "Upstream sessions open",
        f"sum by (namespace) (pipewise_runtime_sessions_open{{{_HERE}}})",
        "{{namespace}}",
    ),
    Panel(
        "Calls in line", f"sum by (namespace) (pipewise_runtime_calls_waiting{{{_HERE}}})", "{{namespace}}"
    ),
    Panel(
        "Tokens: time left",
        f"max by (namespace, project) (pipewise_token_expires_timestamp_seconds{{{_HERE}}}) - time()",
        "{{namespace}}/{{project}}",
        "s",
    ),
    Panel(
        "Status writes by result",
        _rate("pipewise_status_writes_total", "kind, result", ""),
        "{{kind}} {{result}}",
        "reqps",
    ),
    Panel(
        "Webhook: answers",
        _rate("pipewise_webhook_requests_total", "webhook, outcome", ""),
        "{{webhook}} {{outcome}}",
        "reqps",
    ),
)


def document() -> str:
    """The dashboard as Grafana reads it."""
    found = {
        "uid": "pipewise-mcp",
        "title": "PipeWise MCP",
        "tags": ["pipewise-mcp"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": [_drawn(number, panel) for number, panel in enumerate(PANELS)],
    }
    return json.dumps(found, indent=1) + "\n"


def _variables() -> list[dict[str, Any]]:
    namespaces = {
        "name": "namespace",
        "type": "query",
        "datasource": _SOURCE,
        "query": "label_values(pipewise_bindings, namespace)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
    return [{"name": "datasource", "type": "datasource", "query": "prometheus"}, namespaces]


def _drawn(number: int, panel: Panel) -> dict[str, Any]:
    across = _COLUMNS // _WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {
            "x": number % across * _WIDTH,
            "y": number // across * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "expr": panel.expression, "legendFormat": panel.legend}],
    }


def main(arguments: list[str]) -> int:
    """Write or compare the file in a folder; 1 if it differs."""
    (folder,) = [Path(argument) for argument in arguments if not argument.startswith("--")]
    return keep({folder / FILE_NAME: document()}, check="--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
