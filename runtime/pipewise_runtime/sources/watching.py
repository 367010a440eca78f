"""Following one kind of object in one namespace: list, then watch, for as long as the program runs.

Below `kubernetes`; the API server may be away at any time, what was seen stays served meanwhile.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
import structlog
from lightkube import ApiError, AsyncClient
from lightkube.core.client import FieldSelector
from lightkube.generic_resource import GenericNamespacedResource

log = structlog.get_logger()

Object = dict[str, Any]

_PAGE = 500
_SERVER_TIMEOUT_SECONDS = 290
_SILENCE_SECONDS = _SERVER_TIMEOUT_SECONDS + 20
"""A watch that is silent for longer than the server's own timeout is dead."""
_LONGEST_PAUSE_SECONDS = 10.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Eyes:
    """What to do with what is seen.

    Attributes:
        listed: takes all objects there are, and the resourceVersion of the list.
        put: takes a new or changed object.
        deleted: takes the last state of a deleted object.
    """

    listed: Callable[[Sequence[Object], str], None]
    put: Callable[[Object], None]
    deleted: Callable[[Object], None]


class Watch:
    """Keeps its eyes on one kind of object."""

    def __init__(
        self,
        client: AsyncClient,
        resource: type[GenericNamespacedResource],
        eyes: Eyes,
        fields: FieldSelector | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._eyes = eyes
        self._fields = fields or None
        self._version: str | None = None
        self._failures = 0
        self.synced = asyncio.Event()
        """Set after the first list."""

    async def run(self) -> None:
        """Follow for ever; ends only by cancellation."""
        while True:
            try:
                if self._version is None:
                    await self._list()
                await self._follow()
            except (httpx2.HTTPError, OSError, TimeoutError, msgspec.DecodeError) as error:
                await self._recover(error)

    async def _list(self) -> None:
        listing = self._client.list(self._resource, chunk_size=_PAGE, fields=self._fields)
        objects = [dict(found) async for found in listing]
        self._version = listing.resourceVersion
        self._eyes.listed(objects, self._version)
        self._seen()
        self.synced.set()

    async def _follow(self) -> None:
        events = self._client.watch(
            self._resource,
            resource_version=self._version,
            server_timeout=_SERVER_TIMEOUT_SECONDS,
            fields=self._fields,
        )
        following = aiter(events)
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                event, found = await anext(following)
            self._version = found["metadata"]["resourceVersion"]
            self._seen()
            if event == "DELETED":
                self._eyes.deleted(found)
            else:
                self._eyes.put(found)

    def _seen(self) -> None:
        if self._failures:
            log.info("api_server_back", kind=self._resource.__name__)
        self._failures = 0

    async def _recover(self, error: Exception) -> None:
        """Start over with a list when the version is too old; wait when the API server is away."""
        kind = self._resource.__name__
        if _status_of(error) == _GONE:
            log.info("watch_expired", kind=kind)
            self._version = None
            return
        pause = min(0.25 * 2**self._failures, _LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        self._failures += 1
        cause = str(error) or type(error).__name__
        log.warning("watch_interrupted", kind=kind, error=cause, retry_seconds=round(pause, 2))
        await asyncio.sleep(pause)


def _status_of(error: Exception) -> int | None:
    """The HTTP status of an error, also of one that came as an event of a watch."""
    if isinstance(error, ApiError):
        return error.status.code
    return error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else None
