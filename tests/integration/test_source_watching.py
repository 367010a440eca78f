"""A watch whose resourceVersion is too old, which a real API server says only after compactions."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from lightkube import AsyncClient, KubeConfig
from lightkube.config.models import Cluster, User

from pipewise_runtime.server.asgi import Receive, Scope, Send, send_json
from pipewise_runtime.server.listening import Address, Listener
from pipewise_runtime.sources.cluster import BINDINGS
from pipewise_runtime.sources.watching import Eyes, Watch
from support.eventually import eventually


class Forgetful:
    """An API server that has one object fewer in each list, and forgets every version at once."""

    def __init__(self) -> None:
        self.lists = 0
        self.asked_from: list[str] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a list, or end a watch with 410."""
        query = parse_qs(scope["query_string"].decode())
        if "watch" not in query:
            self.lists += 1
            items = [_object(name) for name in ("a", "b", "c")[: max(1, 4 - self.lists)]]
            listing = {"metadata": {"resourceVersion": str(100 * self.lists)}, "items": items}
            await send_json(send, json.dumps(listing).encode())
            return
        self.asked_from += query["resourceVersion"]
        if self.lists < 3:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            await send_json(send, json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
        else:
            await asyncio.Event().wait()


def _object(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": "1"}}


async def test_a_version_that_is_too_old_leads_to_a_new_list() -> None:
    server = Forgetful()
    listener = Listener(server, Address("127.0.0.1", 0), drain_seconds=1)
    await listener.start()
    config = KubeConfig.from_one(cluster=Cluster(server=listener.address.url()), user=User())
    client = AsyncClient(config=config)
    seen: list[tuple[list[str], str]] = []

    def listed(objects: Sequence[dict[str, Any]], version: str) -> None:
        seen.append(([each["metadata"]["name"] for each in objects], version))

    watch = Watch(client, BINDINGS, Eyes(listed, lambda _: None, lambda _: None))
    task = asyncio.create_task(watch.run())
    await eventually(lambda: len(server.asked_from) == 3)
    assert seen == [(["a", "b", "c"], "100"), (["a", "b"], "200"), (["a"], "300")]
    assert server.asked_from == ["100", "200", "300"]
    task.cancel()
    await asyncio.wait((task,))
    await client.close()
    await listener.stop()
