"""Prometheus alerts from the metrics of operator and runtime: the one source of the chart's rules file.

`alerts.py` says what is worth waking somebody for, `pace.py` after how long, `document.py` how Prometheus
wants it written. Run `python -m pipewise_operator.alerting` for the file.
"""

from .alerts import RUNBOOKS_URL, Alert, Mender, Severity, alerts
from .document import FILE_NAME, document
from .pace import CALM, FAST, Pace

__all__ = [
    "CALM",
    "FAST",
    "FILE_NAME",
    "RUNBOOKS_URL",
    "Alert",
    "Mender",
    "Pace",
    "Severity",
    "alerts",
    "document",
]
