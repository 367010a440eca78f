"""Webhooks: connection events delivered to the developer's URI, once, twice or not at all."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from pipewise_sandbox.faults import Occasion
from pipewise_sandbox.world import World

_TIMEOUT_SECONDS = 5.0
_log = logging.getLogger("pipewise_sandbox")


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event; without a ``uri`` nobody asked for it."""

    uri: str | None
    user: str
    app: str
    event: Mapping[str, object]


class Webhooks:
    """Deliveries under way. Belongs to the server's event loop."""

    def __init__(self) -> None:
        self._deliveries: set[asyncio.Task[None]] = set()

    def deliver(self, world: World, webhook: Webhook) -> None:
        """Deliver an event in the background, as often as the faults have it."""
        if webhook.uri is None:
            return
        fault = world.faults.take(Occasion("webhook", webhook.app, webhook.user)).decisive
        times = {"webhook_lost": 0, "webhook_twice": 2}.get(fault.kind, 1) if fault is not None else 1
        for _ in range(times):
            task = asyncio.get_running_loop().create_task(_post(webhook.uri, webhook.event))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)


async def _post(uri: str, event: Mapping[str, object]) -> None:
    try:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, verify=uri.startswith("https")) as client:
            await client.post(uri, json=dict(event))
    except httpx2.HTTPError as error:
        _log.warning("the webhook at %s could not be delivered: %r", uri, error)
