"""The rules file as Prometheus loads it, from the alerts."""

from collections.abc import Iterable
from typing import Any

import yaml

from .alerts import RUNBOOKS_URL, Alert, alerts
from .pace import Pace, prometheus_duration
from .webhook_alerts import webhook_alerts

FILE_NAME = "alerts.yaml"
"""Name of the generated file."""

WEBHOOK_GROUP = "pipewise-webhook"
"""The group of rules that is for installations with a webhook only."""

_HEADER = "# Generated from operator/pipewise_operator/alerting by `make generate`; edit that.\n"


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as they are read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": prometheus_duration(alert.lasting),
        "labels": {
            "severity": str(alert.severity),
            "mended_by": str(alert.mender),
            "kubernetes_operator_part_of": "pipewise-mcp",
        },
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{RUNBOOKS_URL}/{alert.name}.md",
        },
    }


def document(pace: Pace, *, with_webhook: bool = True) -> str:
    """The text of the rules file at a pace; without a webhook, its alerts would fire for ever."""
    groups = [_group("pipewise-mcp", pace, alerts(pace))]
    if with_webhook:
        groups.append(_group(WEBHOOK_GROUP, pace, webhook_alerts(pace)))
    return _HEADER + yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=110)


def _group(name: str, pace: Pace, rules: Iterable[Alert]) -> dict[str, Any]:
    interval = prometheus_duration(pace.interval)
    return {"name": name, "interval": interval, "rules": [_rule(alert) for alert in rules]}
