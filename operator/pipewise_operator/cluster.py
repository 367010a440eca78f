"""The Kubernetes API: one of the operator's two doors out. Every failure leaves it as a ClusterError."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from lightkube import AsyncClient
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.core_v1 import Pod, Secret
from lightkube.resources.events_v1 import Event
from lightkube.types import PatchType

from pipewise_crds import GROUP, KINDS, VERSION

from .failures import ClusterError, ClusterUnavailableError, NotFoundError, NotLeadingError, RejectedError

FIELD_MANAGER = "pipewise-operator"
POD_LABELS = ("mcp.pipewise.io/inject", "mcp.pipewise.io/runtime")
"""Pods that carry one of these may hold a runtime."""

_RESOURCES = {kind.name: create_namespaced_resource(GROUP, VERSION, kind.name, kind.plural) for kind in KINDS}
_LEASE = create_namespaced_resource("coordination.k8s.io", "v1", "Lease", "leases")
_RBAC = "rbac.authorization.k8s.io"
_CHILDREN: Mapping[str, Any] = {
    kind: create_namespaced_resource(group, "v1", kind, plural)
    for group, kind, plural in (
        (_RBAC, "Role", "roles"),
        (_RBAC, "RoleBinding", "rolebindings"),
        ("", "ServiceAccount", "serviceaccounts"),
        ("", "Service", "services"),
        ("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
        ("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
        ("apps", "Deployment", "deployments"),
    )
}
_POLICY = create_global_resource(
    "admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"
)
_CLUSTER_ROLE_BINDING = create_global_resource(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings")
_MADE_BY_US: dict[str, Any] = {
    "app.kubernetes.io/managed-by": "pipewise-operator",
    "app.kubernetes.io/component": "runtime",
}
_COME_BACK = (408, 409, 429)


class Cluster:
    """What the operator reads and writes.

    Args:
        config: how the API server is reached.
        namespaces: where to look; empty means everywhere.
        may_write: asked before every write but that of the Lease: whether this process leads.
    """

    def __init__(
        self, config: SingleConfig, namespaces: tuple[str, ...], may_write: Callable[[], bool]
    ) -> None:
        self._client = AsyncClient(config, field_manager=FIELD_MANAGER, trust_env=False)
        self._namespaces = namespaces or ("*",)
        self._may_write = may_write

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def list(self, kind: str) -> list[dict[str, Any]]:
        """All objects of one of our kinds, or the Pods that may hold runtimes, as plain dictionaries."""
        resource: Any = Pod if kind == "Pod" else _RESOURCES[kind]
        selections: list[dict[str, Any]] = [{label: None} for label in POD_LABELS] if kind == "Pod" else [{}]
        found: dict[str, dict[str, Any]] = {}
        async with told_as_ours():
            for namespace in self._namespaces:
                for labels in selections:
                    chunks = self._client.list(resource, namespace=namespace, labels=labels, chunk_size=500)
                    async for item in chunks:
                        body = _plain(item)
                        found[body["metadata"]["uid"]] = body
        return list(found.values())

    async def secret(self, namespace: str, name: str) -> Mapping[str, Any]:
        """Read one Secret by name; the operator needs no right to list them."""
        async with told_as_ours():
            return _plain(await self._client.get(Secret, name, namespace=namespace))

    async def apply_secret(self, secret: Mapping[str, Any]) -> None:
        """Create or change a Secret by server-side apply."""
        meta = secret["metadata"]
        async with self._writing():
            await self._client.patch(
                Secret,
                meta["name"],
                dict(secret),
                namespace=meta["namespace"],
                patch_type=PatchType.APPLY,
                force=True,
            )

    async def apply_runtime(self, runtime: Mapping[str, Any]) -> dict[str, Any]:
        """Change a runtime's spec by server-side apply; its uid keeps a deleted one from being made anew."""
        meta = runtime["metadata"]
        async with self._writing():
            changed = await self._client.patch(
                _RESOURCES["MCPRuntime"],
                meta["name"],
                dict(runtime),
                namespace=meta["namespace"],
                patch_type=PatchType.APPLY,
                force=True,
            )
            return _plain(changed)

    async def patch_status(
        self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Merge a patch into an object's status and return the object as it is then."""
        resource = _RESOURCES[kind].Status
        async with self._writing():
            changed = await self._client.patch(
                resource, name, dict(patch), namespace=namespace, patch_type=PatchType.MERGE
            )
            return _plain(changed)

    async def post_event(self, event: Mapping[str, Any]) -> None:
        """Create one Event (events.k8s.io/v1)."""
        async with self._writing():
            made: Any = Event.from_dict(dict(event))
            await self._client.create(made)

    async def children(self, kinds: Iterable[str]) -> Sequence[dict[str, Any]]:
        """What this operator has made for runtimes, of these kinds."""
        found: dict[Any, dict[str, Any]] = {}
        async with told_as_ours():
            for kind in kinds:
                for namespace in self._namespaces:
                    async for item in self._client.list(
                        _CHILDREN[kind], namespace=namespace, labels=_MADE_BY_US
                    ):
                        body = {**_plain(item), "kind": kind}
                        found[body["metadata"]["uid"]] = body
        return tuple(found.values())

    async def reviewers(self, name: str) -> dict[str, Any]:
        """Read the ClusterRoleBinding of those who may have tokens reviewed."""
        async with told_as_ours():
            return {
                **_plain(await self._client.get(_CLUSTER_ROLE_BINDING, name)),
                "kind": "ClusterRoleBinding",
            }

    async def policy(self, name: str) -> dict[str, Any]:
        """Read the ValidatingAdmissionPolicy of the release."""
        async with told_as_ours():
            return _plain(await self._client.get(_POLICY, name))

    async def apply(self, body: Mapping[str, Any]) -> None:
        """Create or change an object by server-side apply."""
        meta, resource = body["metadata"], _CHILDREN.get(body["kind"], _CLUSTER_ROLE_BINDING)
        async with self._writing():
            await self._client.patch(
                resource,
                meta["name"],
                dict(body),
                namespace=meta.get("namespace"),
                patch_type=PatchType.APPLY,
                force=True,
            )

    async def delete(self, body: Mapping[str, Any]) -> None:
        """Delete an object and what belongs to it; one that is gone already is no error."""
        meta = body["metadata"]
        try:
            async with self._writing():
                await self._client.delete(_CHILDREN[body["kind"]], meta["name"], namespace=meta["namespace"])
        except NotFoundError:
            return

    async def lease(self, namespace: str, name: str) -> dict[str, Any]:
        """Read a Lease."""
        async with told_as_ours():
            return _plain(await self._client.get(_LEASE, name, namespace=namespace))

    async def write_lease(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        """Create a Lease, or replace the one with its resourceVersion: the write that leading rests on."""
        async with told_as_ours():
            body = _LEASE.from_dict(dict(lease))
            is_new = "resourceVersion" not in lease["metadata"]
            return _plain(await (self._client.create(body) if is_new else self._client.replace(body)))

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        if not self._may_write():
            raise NotLeadingError("this operator does not hold the Lease (any more): it writes nothing")
        async with told_as_ours():
            yield


def _plain(thing: Any) -> dict[str, Any]:  # noqa: ANN401 - lightkube leaves the type of what it returns open
    """An object as the API server wrote it."""
    body: dict[str, Any] = thing.to_dict()
    return body


@asynccontextmanager
async def told_as_ours() -> AsyncIterator[None]:
    """Map what lightkube and its HTTP library raise, once."""
    try:
        yield
    except ApiError as error:
        raise _of_status(error.status.code or 0, str(error)) from error
    except httpx2.HTTPStatusError as error:
        raise _of_status(error.response.status_code, str(error)) from error
    except httpx2.HTTPError as error:
        raise ClusterUnavailableError(f"the API server gives no answer ({type(error).__name__})") from error


def _of_status(code: int, message: str) -> ClusterError:
    if code == httpx2.codes.NOT_FOUND:
        return NotFoundError(message)
    if code >= httpx2.codes.INTERNAL_SERVER_ERROR or code in _COME_BACK:
        return ClusterUnavailableError(message)
    return RejectedError(message)
