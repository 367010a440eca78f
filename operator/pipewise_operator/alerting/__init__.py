"""Prometheus alerts from the metrics of operator and runtime: the one source of the chart's rules file.

`alerts.py` and `webhook_alerts.py` say what is worth waking somebody for, `pace.py` after how long,
`document.py` how Prometheus wants it written. Run `python -m pipewise_operator.alerting` for the file.
"""

from .alerts import RUNBOOKS_URL, Alert, Mender, Severity, alerts
from .document import FILE_NAME, WEBHOOK_GROUP, document
from .pace import CALM, FAST, Pace
from .webhook_alerts import webhook_alerts

__all__ = [
    "CALM",
    "FAST",
    "FILE_NAME",
    "RUNBOOKS_URL",
    "WEBHOOK_GROUP",
    "Alert",
    "Mender",
    "Pace",
    "Severity",
    "alerts",
    "document",
    "webhook_alerts",
]
