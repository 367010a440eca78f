"""Posts Kubernetes Events: after the status was written, never twice in a minute, never in anybody's way."""

import os
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from pipewise_crds import API_VERSION, ObjectMeta

from .cluster import Cluster
from .failures import ClusterError
from .judge.announcements import Announcement, Transition, announcements

_log = structlog.get_logger()
_AGAIN_AFTER = timedelta(seconds=60)


class Announcer:
    """Remembers what was told lately."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster, self._clock = cluster, clock
        self._told: dict[tuple[str, str, str], datetime] = {}

    async def tell(self, transitions: Sequence[Transition], projects: Sequence[ObjectMeta]) -> None:
        """Post what is worth telling; an Event that cannot be posted is logged and let go."""
        now = self._clock()
        self._told = {what: when for what, when in self._told.items() if now < when + _AGAIN_AFTER}
        for each in announcements(transitions, projects):
            what = (each.about.uid, each.reason, each.message)
            if what in self._told:
                continue
            self._told[what] = now
            try:
                await self._cluster.post_event(event(each, now))
            except ClusterError as error:
                _log.warning("event not posted", reason=each.reason, cause=str(error))


def event(announcement: Announcement, now: datetime) -> dict[str, Any]:
    """The Event as the API server takes it (events.k8s.io/v1)."""
    about = announcement.about
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{about.name}.{uuid.uuid4().hex[:12]}", "namespace": about.namespace},
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": "mcp.pipewise.io/operator",
        "reportingInstance": f"pipewise-operator-{os.uname().nodename}"[:128],
        "action": "Judge",
        "reason": announcement.reason,
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": announcement.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
        },
        "note": announcement.note,
        "type": announcement.type,
    }
