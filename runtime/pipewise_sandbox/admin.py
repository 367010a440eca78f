"""The admin API: what tests and demonstrations turn, and what they read off.

JSON over loopback, without authentication: it is a test tool. The bodies are pydantic models; the same bodies
make up a seed file.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pipewise_sandbox import admin_view
from pipewise_sandbox.accounts import Health
from pipewise_sandbox.admin_bodies import AccountBody, ExpireBody, HealthBody, ProjectBody, Seed, planted
from pipewise_sandbox.faults import Fault
from pipewise_sandbox.ledger import Query
from pipewise_sandbox.settings import Settings
from pipewise_sandbox.wire import Wire
from pipewise_sandbox.world import World, now

Model = TypeVar("Model", bound=BaseModel)
_OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_Act = Callable[[World, Request, bytes], Response]


class Admin:
    """The admin API's routes over one world.

    Args:
        world: The state it reads and turns.
        seed: What the world starts with, and starts with again after a reset.
    """

    def __init__(self, world: World, seed: Seed) -> None:
        self._world, self._seed = world, seed

    def routes(self) -> list[Route]:
        """The routes, below ``/admin``."""
        return [
            self._route("GET", "/", _page),
            self._route("GET", "/state", _state),
            self._route("GET", "/ledger", _ledger),
            self._route("GET", "/outbox", _outbox),
            self._route("POST", "/projects", _add_project),
            self._route("POST", "/accounts", _add_account),
            self._route("PATCH", "/accounts/{account}", _change_account),
            self._route("DELETE", "/accounts/{account}", _remove_account),
            self._route("GET", "/faults", _faults),
            self._route("POST", "/faults", _add_fault),
            self._route("DELETE", "/faults", _clear_faults),
            self._route("DELETE", "/faults/{fault:int}", _remove_fault),
            self._route("POST", "/tokens/expire", _expire_tokens),
            self._route("PATCH", "/settings", _change_settings),
            self._route("POST", "/reset", self._reset),
            Route("/admin/requests", self._requests, methods=["GET"]),
        ]

    def _route(self, method: str, path: str, act: _Act) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return act(self._world, request, await request.body())
            except ValidationError as error:
                detail = error.errors(include_url=False, include_context=False, include_input=False)
                return JSONResponse({"error": "the body is not valid", "detail": detail}, 422)

        return Route(f"/admin{path}", endpoint, methods=[method])

    async def _requests(self, request: Request) -> Response:
        wire = Wire(request.scope, request.receive, _unsent)
        return JSONResponse(admin_view.requests(self._world, wire.open_connections))

    def _reset(self, world: World, _: Request, __: bytes) -> Response:
        world.become(planted(self._seed))
        return JSONResponse({})


async def _unsent(_: Any) -> None:  # noqa: ANN401 - an ASGI message, which this wire never sends
    raise RuntimeError("the requests view answers through starlette")


def _body(model: type[Model], body: bytes) -> Model:
    return model.model_validate_json(body or b"{}")


def _page(world: World, _: Request, __: bytes) -> Response:
    return HTMLResponse(admin_view.page(world))


def _state(world: World, _: Request, __: bytes) -> Response:
    return JSONResponse(admin_view.state(world))


def _ledger(world: World, request: Request, _: bytes) -> Response:
    given: Mapping[str, str] = request.query_params
    effect = {"true": True, "false": False}.get(given.get("effect", "").lower())
    query = Query(given.get("user"), given.get("app"), given.get("tool"), effect)
    return JSONResponse({"entries": world.ledger.found(query)})


def _outbox(world: World, _: Request, __: bytes) -> Response:
    return JSONResponse({"mails": world.ledger.mails})


def _add_project(world: World, _: Request, body: bytes) -> Response:
    _body(ProjectBody, body).plant(world)
    return JSONResponse({})


def _add_account(world: World, _: Request, body: bytes) -> Response:
    return JSONResponse({"id": _body(AccountBody, body).plant(world, now())})


def _change_account(world: World, request: Request, body: bytes) -> Response:
    health = _body(HealthBody, body)
    change = Health(health.healthy, health.dead, health.error)
    account = world.accounts.change(request.path_params["account"], change, now())
    return JSONResponse(admin_view.account(account)) if account else _no_such("account")


def _remove_account(world: World, request: Request, _: bytes) -> Response:
    removed = world.accounts.remove(request.path_params["account"])
    return JSONResponse({}) if removed else _no_such("account")


def _faults(world: World, _: Request, __: bytes) -> Response:
    return JSONResponse({"faults": admin_view.faults(world)})


def _add_fault(world: World, _: Request, body: bytes) -> Response:
    return JSONResponse({"id": world.faults.add(_body(Fault, body))})


def _clear_faults(world: World, _: Request, __: bytes) -> Response:
    world.faults.clear()
    return JSONResponse({})


def _remove_fault(world: World, request: Request, _: bytes) -> Response:
    return JSONResponse({}) if world.faults.remove(request.path_params["fault"]) else _no_such("fault")


def _expire_tokens(world: World, _: Request, body: bytes) -> Response:
    return JSONResponse({"expired": world.projects.expire(_body(ExpireBody, body).project)})


def _change_settings(world: World, _: Request, body: bytes) -> Response:
    given = _OBJECT.validate_json(body or b"{}")
    world.settings = Settings.model_validate(world.settings.model_dump(by_alias=True) | given)
    return JSONResponse(world.settings.model_dump(by_alias=True))


def _no_such(what: str) -> Response:
    return JSONResponse({"error": f"no such {what}"}, 404)
