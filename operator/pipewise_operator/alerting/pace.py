"""How long something must last before it is an alert: all that production and a rehearsal differ in."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits and windows of the alerts.

    Attributes:
        interval: How often Prometheus evaluates the rules.
        down_for: How long a program may be away; long enough for a node drain or a rollout.
        outage_for: How long a provider may fail; the breaker's own probes need a few seconds to be sure.
        credential_for: How long an account may be unusable; a user who is just reconnecting needs minutes.
        quota_for: How long a project may be out of runs; shorter than Pipedream's window of 5 minutes.
        unknown_window: How long a call of unknown outcome stays an alert.
        certificate_left: How soon the webhook's certificate ends; its own are renewed 10 days before.
        bridge: For how long the last value of a gauge holds when its exporter is away, so that a restart of
            the operator neither clears an alert nor starts its wait anew.
    """

    interval: timedelta
    down_for: timedelta
    outage_for: timedelta
    credential_for: timedelta
    quota_for: timedelta
    unknown_window: timedelta
    certificate_left: timedelta
    bridge: timedelta


CALM = Pace(
    interval=timedelta(seconds=30),
    down_for=timedelta(minutes=5),
    outage_for=timedelta(minutes=2),
    credential_for=timedelta(minutes=15),
    quota_for=timedelta(minutes=1),
    unknown_window=timedelta(minutes=30),
    certificate_left=timedelta(days=7),
    bridge=timedelta(minutes=2),
)
"""What the chart ships: for people who want to sleep."""

FAST = Pace(
    interval=timedelta(seconds=1),
    down_for=timedelta(seconds=3),
    outage_for=timedelta(seconds=2),
    credential_for=timedelta(seconds=2),
    quota_for=timedelta(seconds=2),
    unknown_window=timedelta(seconds=20),
    certificate_left=timedelta(minutes=10),
    bridge=timedelta(seconds=3),
)
"""The same alerts in seconds, for the demo and for measuring; wants a scrape every second."""


def prometheus_duration(span: timedelta) -> str:
    """A span as Prometheus writes it, in the largest unit that needs no fraction: 2m, 90s."""
    seconds = round(span.total_seconds())
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
