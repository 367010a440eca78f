"""Pipedream's REST API: the doors and who may pass them.

Each route is a name (what faults call ``rest:<name>``), a path and a function from an ``Ask`` to a
``Reply``; the functions live in ``rest_oauth``, ``rest_accounts`` and ``rest_tokens``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from pipewise_sandbox.accounts import Place
from pipewise_sandbox.caller import bearer
from pipewise_sandbox.exchange import Exchange
from pipewise_sandbox.faults import Occasion
from pipewise_sandbox.projects import ENVIRONMENTS
from pipewise_sandbox.reply import Reply, as_json, unauthorized
from pipewise_sandbox.wire import Receive, Scope, Send, Wire
from pipewise_sandbox.world import World, now


@dataclass(frozen=True, slots=True)
class Ask:
    """One REST request.

    Attributes:
        path: The path's parameters.
        body: The JSON object or form in the body; empty without one.
    """

    world: World
    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    base_url: str
    now: datetime

    @property
    def place(self) -> Place:
        """The project and environment it is about."""
        return Place(self.path["project"], self.headers.get("x-pd-environment", "production"))


Handle = Callable[[Ask], Reply]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The ASGI application of one REST route."""

    world: World
    name: str
    handle: Handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        wire = Wire(scope, receive, send)
        ask = _ask(self.world, scope, await wire.body())
        app = ask.query.get("app", "") or str(ask.body.get("app_id", ""))
        user = (
            ask.query.get("external_user_id") or ask.path.get("user") or ask.body.get("external_user_id", "")
        )
        occasion = Occasion(f"rest:{self.name}", app, str(user))
        exchange = Exchange(
            occasion=occasion,
            wire=wire,
            taken=self.world.faults.take(occasion),
            perform=lambda _: self.handle(ask),
            counters=self.world.replies,
        )
        await exchange.run()


def guarded(handle: Handle) -> Handle:
    """A route for bearers of a token that reaches the project in the path, in a valid environment."""

    def check(ask: Ask) -> Reply:
        client = ask.world.projects.holder(bearer(ask.headers), ask.now)
        if client is None:
            return unauthorized()
        project = ask.path.get("project")
        if project is not None and not ask.world.projects.reachable(client, project):
            return as_json({"error": "The token does not give access to this project"}, 403)
        if project is not None and ask.place.environment not in ENVIRONMENTS:
            return as_json({"error": "x-pd-environment must be development or production"}, 400)
        return handle(ask)

    return check


def _ask(world: World, scope: Scope, body: bytes) -> Ask:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Ask(
        world=world,
        method=scope["method"],
        path=scope.get("path_params", {}),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        headers=headers,
        body=_fields(headers.get("content-type", ""), body),
        base_url=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
        now=now(),
    )


def _fields(content_type: str, body: bytes) -> Mapping[str, Any]:
    """The fields of a body; none when it cannot be read, which a route takes as fields missing."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        parsed = json.loads(body) if body else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
