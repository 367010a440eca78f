"""The rules file as Prometheus loads it, from the alerts."""

from typing import Any

import yaml

from .alerts import RUNBOOKS_URL, Alert, alerts
from .pace import Pace, prometheus_duration

FILE_NAME = "alerts.yaml"
"""Name of the generated file."""

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


def document(pace: Pace) -> str:
    """The text of the rules file at a pace."""
    group = {
        "name": "pipewise-mcp",
        "interval": prometheus_duration(pace.interval),
        "rules": [_rule(alert) for alert in alerts(pace)],
    }
    return _HEADER + yaml.dump({"groups": [group]}, Dumper=_Dumper, sort_keys=False, width=110)
