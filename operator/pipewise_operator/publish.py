"""Status economy: a status is written only when it says something new, a few at a time, never in a loop."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import structlog

from pipewise_crds import API_VERSION, BindingStatus, Model, ProjectStatus, Share

from .cluster import Cluster
from .failures import ClusterUnavailableError, NotFoundError, RejectedError
from .keys import Key
from .metrics import Metrics
from .records import RuntimeRecord
from .world import Body, World

IN_FLIGHT = 16
"""Writes under way at once: enough to fill the API server's patience, few enough to leave others theirs."""

_log = structlog.get_logger()


class Publisher:
    """Writes statuses and shares; tells the world what the API server answered."""

    def __init__(self, cluster: Cluster, world: World, metrics: Metrics) -> None:
        self._cluster, self._world, self._metrics = cluster, world, metrics
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def binding(self, key: Key, before: BindingStatus, after: BindingStatus) -> bool:
        """Write a binding's status if it says something new; False when it has to be tried again."""
        return await self._status("AgentMCPBinding", key, before, after)

    async def project(self, key: Key, before: ProjectStatus, after: ProjectStatus) -> bool:
        """Write a project's status if it says something new; False when it has to be tried again."""
        return await self._status("PipedreamProject", key, before, after)

    async def shares(self, key: Key, record: RuntimeRecord, shares: list[Share]) -> bool:
        """Write a runtime's shares if they differ; False when it has to be tried again."""
        runtime = record.registration.runtime
        if runtime.spec.shares == shares:
            return True
        body = {
            "apiVersion": API_VERSION,
            "kind": "MCPRuntime",
            "metadata": {"name": key.name, "namespace": key.namespace, "uid": runtime.metadata.uid},
            "spec": {"shares": [share.model_dump(mode="json", by_alias=True) for share in shares]},
        }
        async with self._slots:
            return await self._written("MCPRuntime", key, self._cluster.apply_runtime(body))

    async def _status(self, kind: str, key: Key, before: Model, after: Model) -> bool:
        if before == after:
            return True
        patch = {"status": merge_patch(_plain(before), _plain(after))}
        async with self._slots:
            return await self._written(kind, key, self._cluster.patch_status(kind, *key, patch))

    async def _written(self, kind: str, key: Key, write: Awaitable[Body]) -> bool:
        try:
            body = await write
        except NotFoundError:
            self._world.forget(kind, key)
            result = "gone"
        except RejectedError as error:
            _log.error(
                "status refused by the API server",
                kind=kind,
                namespace=key.namespace,
                name=key.name,
                cause=str(error),
            )
            result = "rejected"
        except ClusterUnavailableError as error:
            _log.warning(
                "status not written; tried again",
                kind=kind,
                namespace=key.namespace,
                name=key.name,
                cause=str(error),
            )
            self._metrics.status_writes.labels(kind, "failed").inc()
            return False
        else:
            result = "written"
            self._world.observe(kind, body)
        self._metrics.status_writes.labels(kind, result).inc()
        return True


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes `after` of `before`."""
    patch: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            patch |= {name: nested} if (nested := merge_patch(old, value)) else {}
        elif old != value or name not in before:
            patch[name] = value
    return patch


def _plain(status: Model) -> dict[str, Any]:
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)
