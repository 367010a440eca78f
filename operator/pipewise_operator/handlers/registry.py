"""The handlers: an explicit registry with `on.event` alone, so that kopf writes nothing to any object."""

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import kopf

from pipewise_crds import GROUP, KINDS, VERSION
from pipewise_operator.cluster import POD_LABELS
from pipewise_operator.keys import Key
from pipewise_operator.world import World

Activity = Callable[[], Awaitable[None]]


def registry(world: World, start: Activity, stop: Activity) -> kopf.OperatorRegistry:
    """The handlers of one operator."""
    made = kopf.OperatorRegistry()
    kopf.on.startup(registry=made, id="start")(_activity(start))
    kopf.on.cleanup(registry=made, id="stop")(_activity(stop))
    kopf.on.login(registry=made, id="login", retries=None, backoff=2.0)(login)
    for kind in KINDS:
        kopf.on.event(GROUP, VERSION, kind.plural, registry=made, id=kind.plural)(_observer(world, kind.name))
    kopf.on.event("", "v1", "pods", registry=made, id="pods", when=may_hold_a_runtime)(
        _observer(world, "Pod")
    )
    return made


def settings(*, clusterwide: bool) -> kopf.OperatorSettings:
    """Kopf's settings: it watches, and does nothing else."""
    chosen = kopf.OperatorSettings()
    # Scanning wants to watch CRDs and namespaces, which nobody may who was given some namespaces only.
    chosen.scanning.disabled = not clusterwide
    chosen.posting.enabled = False
    chosen.persistence.diffbase_storage = Forgetful()
    chosen.peering.standalone = True
    chosen.watching.server_timeout = 290
    chosen.watching.connect_timeout = 10
    chosen.watching.chunk_size = 500
    chosen.networking.request_timeout = 30
    chosen.networking.error_backoffs = (0.2, 0.5, 1, 2, 3, 5)
    chosen.queueing.idle_timeout = 1.0
    chosen.queueing.exit_timeout = 0.5
    chosen.background.cancellation_polling = 1
    return chosen


class Forgetful(kopf.DiffBaseStorage):
    """Remembers no object: `on.event` needs no differences, and kopf would copy every object to find them."""

    def build(
        self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None
    ) -> kopf.BodyEssence:
        """Nothing of an object is worth keeping."""
        del body, extra_fields
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing was kept."""
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing, so that nothing is written to the object."""


def login(*, settings: kopf.OperatorSettings, **_: object) -> kopf.ConnectionInfo | None:
    """The same credentials as our own client's: KUBECONFIG where it is set, else the service account's."""
    if os.environ.get("KUBECONFIG") or not kopf.login_with_service_account(settings=settings):
        return kopf.login_with_kubeconfig(settings=settings)
    return kopf.login_with_service_account(settings=settings)


def may_hold_a_runtime(labels: Mapping[str, str], **_: object) -> bool:
    """Most pods of a cluster are none of our business."""
    return any(label in labels for label in POD_LABELS)


def _observer(world: World, kind: str) -> Callable[..., Awaitable[None]]:
    async def observe(event: Mapping[str, Any], **_: object) -> None:
        body: dict[str, Any] = dict(event["object"])
        if event["type"] == "DELETED":
            world.forget(kind, Key.of(body), body["metadata"]["uid"])
        else:
            world.observe(kind, body)

    return observe


def _activity(act: Activity) -> Callable[..., Awaitable[None]]:
    async def run(**_: object) -> None:
        await act()

    return run
