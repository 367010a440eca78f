"""The part of PostgREST that the lead store uses, over rows in memory; for the real Supabase client."""

import operator
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Row = dict[str, Any]
_NOT_FILTERS = {"select", "order", "limit", "offset", "columns"}


@dataclass(slots=True)
class LeadTable:
    """The table `leads`, and what a test makes of its answers."""

    rows: list[Row] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    """The API keys that were shown."""
    instead: Response | None = None
    """Answered in place of everything."""
    before_update: Callable[[Row], None] | None = None
    """Runs once, on the first row, just before the next update: another writer."""
    requests: int = 0

    def app(self) -> Starlette:
        """Serve `/rest/v1/leads`."""
        return Starlette(routes=[Route("/rest/v1/leads", self._serve, methods=["GET", "POST", "PATCH"])])

    async def _serve(self, request: Request) -> Response:
        self.requests += 1
        self.keys.add(request.headers["apikey"])
        if self.instead is not None:
            return self.instead
        match request.method:
            case "POST":
                return self._insert(await request.json())
            case "PATCH":
                return self._update(request, await request.json())
            case _:
                return JSONResponse(self._selected(request))

    def _insert(self, given: Row) -> Response:
        now = datetime.now(UTC).isoformat()
        row = {"id": str(uuid.uuid4()), "company": None, "phone": None, "created_at": now, **given}
        self.rows.append(row)
        return JSONResponse([row], 201)

    def _update(self, request: Request, changes: Row) -> Response:
        if self.before_update is not None:
            self.before_update(self.rows[0])
        found = self._matching(request)
        for row in found:
            row.update(changes)
        return JSONResponse(found)

    def _selected(self, request: Request) -> list[Row]:
        found = self._matching(request)
        column, _, direction = request.query_params.get("order", "created_at.asc").partition(".")
        found.sort(key=operator.itemgetter(column), reverse=direction == "desc")
        wanted = request.query_params["select"].split(",")
        limit = int(request.query_params.get("limit", "1000"))
        return [{name: row[name] for name in wanted} for row in found[:limit]]

    def _matching(self, request: Request) -> list[Row]:
        filters = [item for item in request.query_params.multi_items() if item[0] not in _NOT_FILTERS]
        return [row for row in self.rows if all(_passes(row[column], test) for column, test in filters)]


def _passes(value: object, test: str) -> bool:
    kind, _, wanted = test.partition(".")
    return value is None if kind == "is" else str(value) == wanted
