"""The runtime's own MCPRuntime: registered as a kubelet registers its Node, its status telling what is seen.

A thin shell around `core.reporting`, which decides when to write.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx2
import structlog
from lightkube import ApiError, AsyncClient
from lightkube.types import PatchType

from pipewise_crds import API_VERSION, REPORT_INTERVAL, RUNTIME, RuntimeStatus

from .core.evidence import Evidence
from .core.reporting import Schedule, is_news
from .sources.cluster import RUNTIMES

log = structlog.get_logger()

_KIND = {"apiVersion": API_VERSION, "kind": RUNTIME.name}
_NOT_FOUND, _CONFLICT = 404, 409


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object is ours.

    Attributes:
        name: the MCPRuntime's name; that of its Pod where there is one.
        pod_uid: the uid of the Pod this runtime is part of; empty without one.
    """

    name: str
    pod_uid: str = ""


class Progress(Protocol):
    """How far the source of bindings has come."""

    synced: asyncio.Event
    """Set when all bindings there were at the start have been taken up."""

    @property
    def synced_through(self) -> str:
        """The resourceVersion up to which bindings were taken up."""

    @property
    def bindings(self) -> int:
        """Bindings served."""

    def take_moved(self) -> bool:
        """Whether a binding came or changed its generation since this was last asked."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the content of a report comes from.

    Attributes:
        evidence: projects, providers and exceptions.
        constants: agents, placement, endpoint and version.
        progress: how far the source of bindings has come.
        sessions: upstream sessions open.
    """

    evidence: Evidence
    constants: RuntimeStatus
    progress: Progress
    sessions: Callable[[], int]


class Report:
    """Keeps the runtime's object in place and its status true."""

    def __init__(self, client: AsyncClient, identity: Identity, facts: Facts) -> None:
        self._client = client
        self._identity = identity
        self._facts = facts
        self._schedule = Schedule(REPORT_INTERVAL.total_seconds())
        self._written: dict[str, Any] | None = None
        self._moved = False
        self._woken = asyncio.Event()
        facts.evidence.on_change = self.changed

    @property
    def failures(self) -> int:
        """Writes that failed in a row."""
        return self._schedule.failures

    def changed(self, urgent: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of Evidence.on_change
        """Something worth a write may have changed."""
        self._schedule = self._schedule.changed(urgent=urgent)
        self._woken.set()

    def deleted(self) -> None:
        """The object is not there (any more): it must be made anew."""
        self._written = None
        self.changed()

    async def run(self) -> None:
        """Write reports until cancelled, from when there is something to tell."""
        await self._facts.progress.synced.wait()
        while True:
            now = asyncio.get_running_loop().time()
            due_at = self._schedule.due_at(now)
            if due_at > now:
                await self._wait(due_at - now)
            else:
                await self._turn(now)

    async def withdraw(self) -> None:
        """Delete the object on a graceful stop, when no Pod owns it; a Pod's readiness says enough."""
        if self._identity.pod_uid:
            return
        try:
            async with asyncio.timeout(2):
                await self._client.delete(RUNTIMES, self._identity.name)
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            log.warning("withdrawal_failed", runtime=self._identity.name, error=str(error))

    async def _wait(self, seconds: float) -> None:
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 may swallow the word to end
                await self._woken.wait()

    async def _turn(self, now: float) -> None:
        """Write, or find that there is nothing to write."""
        self._moved = self._facts.progress.take_moved() or self._moved
        status = self._status()
        news = is_news(self._written, status, bindings_moved=self._moved)
        if not news and not self._schedule.is_periodic(now):
            self._schedule = self._schedule.nothing_new()
            return
        self._schedule = self._schedule.nothing_new()
        self._written = status  # before it is: should the object be deleted meanwhile, that is not overlooked
        try:
            await self._write(status)
        except (httpx2.HTTPError, OSError) as error:
            self._written = None
            self._schedule = self._schedule.failed(asyncio.get_running_loop().time(), random.random())  # noqa: S311 - jitter
            log.warning("report_failed", runtime=self._identity.name, error=str(error))
            return
        self._moved = False
        changed_meanwhile = self._schedule
        self._schedule = self._schedule.written(now)
        if changed_meanwhile.has_news:
            self._schedule = self._schedule.changed(urgent=changed_meanwhile.is_urgent)

    def _status(self) -> dict[str, Any]:
        facts = self._facts
        status = facts.constants.model_copy(
            update={
                "synced_through": facts.progress.synced_through,
                "projects": facts.evidence.projects(),
                "providers": facts.evidence.providers(),
                "exceptions": facts.evidence.exceptions(),
                "bindings": facts.progress.bindings,
                "sessions": facts.sessions(),
                "report_time": datetime.now(UTC),
            }
        )
        return status.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def _write(self, status: dict[str, Any]) -> None:
        try:
            await self._apply(status)
        except ApiError as error:
            if error.status.code != _NOT_FOUND:
                raise
            await self._register()
            await self._apply(status)

    async def _apply(self, status: dict[str, Any]) -> None:
        name = self._identity.name
        report = {
            "apiVersion": API_VERSION,
            "kind": RUNTIME.name,
            "metadata": {"name": name},
            "status": status,
        }
        await self._client.patch(RUNTIMES.Status, name, report, patch_type=PatchType.APPLY, force=True)

    async def _register(self) -> None:
        identity = self._identity
        metadata: dict[str, Any] = {"name": identity.name}
        if identity.pod_uid:
            owner = {"apiVersion": "v1", "kind": "Pod", "name": identity.name, "uid": identity.pod_uid}
            metadata["ownerReferences"] = [owner]
        try:
            await self._client.create(RUNTIMES.from_dict({**_KIND, "metadata": metadata, "spec": {}}))
        except ApiError as error:
            if error.status.code != _CONFLICT:
                raise
        log.info("runtime_registered", runtime=identity.name)
