"""Objects that a real API server would not let pass: what cannot be read is served no more."""

import asyncio
import json
from pathlib import Path
from typing import Any

from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.server.asgi import Receive, Scope, Send, send_json
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.kubernetes import KubernetesSource, Listeners
from pipewise_runtime.sources.roster import Scope as Bindings
from support.eventually import eventually
from support.listening import listening
from support.runtimes import RememberingSink, binding_manifest, kubeconfig_to, project_manifest

SHARE = {"project": "default", "runs": 5, "window": "5m"}


class Scripted:
    """An API server with one object of each kind, which changes to something odd when the test says so."""

    def __init__(self) -> None:
        self.first = {
            "pipedreamprojects": project_manifest(),
            "agentmcpbindings": binding_manifest("one"),
            "mcpruntimes": {"metadata": {"name": "r"}, "spec": {"shares": [SHARE]}},
        }
        self.more = {"pipedreamprojects": [project_manifest("odd", environment="somewhere")]}
        self.then: dict[str, dict[str, Any]] = {}
        self.may_change = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a list, or tell of the change."""
        kind = scope["path"].rpartition("/")[2]
        if b"watch" not in scope["query_string"]:
            items = [_versioned(self.first[kind], "1"), *self.more.get(kind, [])]
            listing = {"metadata": {"resourceVersion": "1"}, "items": items}
            await send_json(send, json.dumps(listing).encode())
            return
        await self.may_change.wait()
        if changed := self.then.pop(kind, None):
            event = {"type": "MODIFIED", "object": _versioned(changed, "2")}
            await send({"type": "http.response.start", "status": 200, "headers": []})
            body = json.dumps(event).encode() + b"\n"
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.Event().wait()


def _versioned(found: dict[str, Any], version: str) -> dict[str, Any]:
    return {**found, "metadata": {**found["metadata"], "resourceVersion": version}}


async def test_what_cannot_be_read_any_more_is_served_no_more(tmp_path: Path) -> None:
    server, sink = Scripted(), RememberingSink()
    server.then = {
        "pipedreamprojects": project_manifest(environment="somewhere"),
        "agentmcpbindings": binding_manifest("one", user=""),
        "mcpruntimes": {"metadata": {"name": "r"}, "spec": {"shares": "all"}},
    }
    told: list[str] = []
    listeners = Listeners(lambda project, _: told.append(project), lambda: None, lambda: None)
    async with listening(server) as url:
        client = connect(kubeconfig_to(url, tmp_path), "sales")
        source = KubernetesSource(client, "r", Bindings(frozenset(), "Sidecar", BUILT_IN), sink)
        task = asyncio.create_task(source.run(listeners))
        await eventually(lambda: source.is_synced and sink.shares)
        assert (set(sink.projects), set(sink.bindings)) == ({"default"}, {"one"})
        server.may_change.set()
        await eventually(lambda: not sink.projects and not sink.bindings)
        assert source.synced_through == "2"
        assert sink.shares == {"default": (5, 300.0)}
        assert told == ["default", "default"]
        task.cancel()
        await asyncio.wait((task,))
        await client.close()
