"""Looking after the certificates, again and again: in our own Secret, or in the files of cert-manager."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from pipewise_operator.failures import ClusterError
from pipewise_operator.webhook.cluster import Cluster, Stored
from pipewise_operator.webhook.metrics import Metrics

from .rotation import CERTIFICATE, KEY, Bundle, Policy, fresh, renewed
from .serving import ServingTLS

log = structlog.get_logger()

_LONGEST_PAUSE_SECONDS = 10.0
_SHORTEST_PAUSE_SECONDS = 0.2
_LOOK_SECONDS = 10.0


class Source(Protocol):
    """Where certificates come from."""

    pause_seconds: float

    async def look(self) -> tuple[bytes, bytes]:
        """The certificate to serve, and its key.

        Raises:
            ClusterError: the API server could not be asked or told.
            ValueError: what was found is no certificate.
            OSError: the files cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """Where the shared Secret is, and the name of the two webhook configurations that are to trust it."""

    namespace: str
    secret: str
    configuration: str


class OwnAuthority:
    """Certificates of our own making, in a Secret that all replicas share; whoever comes first makes them."""

    def __init__(self, cluster: Cluster, place: Place, policy: Policy, now: Callable[[], datetime]) -> None:
        self._cluster, self._place, self._policy, self._now = cluster, place, policy, now
        overlap = policy.overlap.total_seconds()
        self.pause_seconds = min(max(overlap / 10, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)

    async def look(self) -> tuple[bytes, bytes]:
        """See `Source.look`."""
        place = self._place
        stored = await self._cluster.secret(place.namespace, place.secret)
        bundle = self._due(stored)
        if stored is None or bundle.data() != dict(stored.data):
            # Refused when another replica was faster; the next look finds what that one wrote.
            await self._cluster.store(place.namespace, place.secret, bundle.data(), stored)
            log.info("certificates_written", secret=place.secret, authorities=len(bundle.authorities))
        if not await self._cluster.trust(place.configuration, bundle.trusted):
            log.info("authorities_registered", configuration=place.configuration)
        return bundle.serving.certificate.pem, bundle.serving.key

    def _due(self, stored: Stored | None) -> Bundle:
        now = self._now()
        if stored is None:
            return fresh(self._policy, now)
        try:
            return renewed(Bundle.read(stored.data), self._policy, now)
        except ValueError as error:
            log.warning("certificates_unreadable", secret=self._place.secret, error=str(error))
            return fresh(self._policy, now)


class MountedFiles:
    """Certificates that somebody else keeps, such as cert-manager, as files `tls.crt` and `tls.key`."""

    pause_seconds = 2.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def look(self) -> tuple[bytes, bytes]:
        """See `Source.look`."""
        return (self._folder / CERTIFICATE).read_bytes(), (self._folder / KEY).read_bytes()


class Keeper:
    """Serves what the source says; what goes wrong is told, and the last good certificate served on."""

    def __init__(self, source: Source, tls: ServingTLS, metrics: Metrics) -> None:
        self._source, self._tls, self._metrics = source, tls, metrics

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look after the certificates until cancelled."""
        while True:
            done = await self._round()
            await pause(self._source.pause_seconds if done else min(1.0, self._source.pause_seconds))

    async def _round(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                found = await self._source.look()
            served = self._tls.serve(*found)
        except (ClusterError, ValueError, OSError) as error:
            self._metrics.certificate_failures.inc()
            log.warning("certificates_not_kept", error=str(error) or type(error).__name__)
            return False
        if served:
            self._metrics.certificate_expires.set(served.ends.timestamp())
            log.info("certificate_served", ends=served.ends.isoformat(), hosts=sorted(served.hosts))
        return True
