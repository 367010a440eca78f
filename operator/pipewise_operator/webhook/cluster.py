"""The webhook's door to the Kubernetes API: bindings, its certificates, its registration."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightkube import AsyncClient, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.operators import equal
from lightkube.resources.admissionregistration_v1 import (
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)
from lightkube.resources.core_v1 import Secret
from lightkube.types import PatchType

from pipewise_crds import BINDING, GROUP, VERSION
from pipewise_operator.cluster import told_as_ours
from pipewise_operator.failures import NotFoundError

_BINDINGS = create_namespaced_resource(GROUP, VERSION, BINDING.name, BINDING.plural)
_CONFIGURATIONS: tuple[Any, ...] = (MutatingWebhookConfiguration, ValidatingWebhookConfiguration)


@dataclass(frozen=True, slots=True)
class Stored:
    """A Secret as it is kept."""

    data: Mapping[str, bytes]
    version: str
    """Its resourceVersion: a change is refused once somebody else changed it."""


class Cluster:
    """What the webhook reads and writes. All methods raise ClusterError."""

    def __init__(self, config: KubeConfig) -> None:
        self._client = AsyncClient(config, field_manager="pipewise-webhook", trust_env=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def bindings(self, namespace: str, agent: str, user: str) -> Sequence[tuple[str, str]]:
        """Name and uid of the bindings there are for an agent and a user."""
        fields: dict[str, Any] = {"spec.agent": equal(_escaped(agent)), "spec.user": equal(_escaped(user))}
        async with told_as_ours():
            found = self._client.list(_BINDINGS, namespace=namespace, fields=fields)
            return [
                (str(each.metadata.name), str(each.metadata.uid)) async for each in found if each.metadata
            ]

    async def secret(self, namespace: str, name: str) -> Stored | None:
        """Read a Secret; None when it is not there."""
        try:
            async with told_as_ours():
                body = (await self._client.get(Secret, name, namespace=namespace)).to_dict()
        except NotFoundError:
            return None
        data = {key: base64.b64decode(value) for key, value in (body.get("data") or {}).items()}
        return Stored(data, body["metadata"]["resourceVersion"])

    async def store(self, namespace: str, name: str, data: Mapping[str, bytes], after: Stored | None) -> None:
        """Create a Secret, or change it if it still is what was read before."""
        meta = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "pipewise-mcp"}}
        if after is not None:
            meta["resourceVersion"] = after.version
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        secret: Any = Secret.from_dict({"metadata": meta, "type": "kubernetes.io/tls", "data": encoded})
        async with told_as_ours():
            await (self._client.create(secret) if after is None else self._client.replace(secret))

    async def trust(self, configuration: str, authorities: bytes) -> bool:
        """Have the API server trust these authorities (PEM) in both webhook configurations of this name.

        Returns:
            Whether it did already.
        """
        bundle, trusted = base64.b64encode(authorities).decode(), True
        for kind in _CONFIGURATIONS:
            async with told_as_ours():
                body = (await self._client.get(kind, configuration)).to_dict()
            changes = _changes(body.get("webhooks") or [], bundle)
            if changes:
                trusted = False
                async with told_as_ours():
                    await self._client.patch(kind, configuration, changes, patch_type=PatchType.JSON)
        return trusted


def _changes(webhooks: Sequence[Mapping[str, Any]], bundle: str) -> list[dict[str, Any]]:
    """A JSON patch that fails when the list changed meanwhile."""
    changes: list[dict[str, Any]] = []
    for index, webhook in enumerate(webhooks):
        if webhook["clientConfig"].get("caBundle") != bundle:
            at = f"/webhooks/{index}"
            changes.append({"op": "test", "path": f"{at}/name", "value": webhook["name"]})
            changes.append({"op": "add", "path": f"{at}/clientConfig/caBundle", "value": bundle})
    return changes


def _escaped(value: str) -> str:
    """A value of a field selector, in which commas, equals signs and backslashes have a meaning."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
