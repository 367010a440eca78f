"""Pipedream's Connect REST API: one of the operator's two doors out. It knows nothing of Kubernetes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from pipewise_crds import PipedreamProject

from .failures import (
    ClientRefusedError,
    PipedreamError,
    PipedreamUnavailableError,
    ProjectRefusedError,
    TokenRejectedError,
)
from .judge.accounts import Account

_PAGE = 100
_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)
_COME_BACK = (404, 408, 429)
"""Client errors that may pass, or that say nothing of the project."""
_LONGEST_WAIT_SECONDS = 3600.0
"""Whatever an answer asks for: the longest window of Pipedream's limits is five minutes."""


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client of Pipedream; the secret is kept out of every representation."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """A freshly minted developer token."""

    token: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime


class _TokenReply(BaseModel):
    access_token: str
    expires_in: float


class _App(BaseModel):
    name_slug: str


class _AccountRow(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    external_id: str | None = None
    healthy: bool | None = None
    dead: bool | None = None
    app: _App


class _Page(BaseModel):
    data: list[_AccountRow]
    page_info: Mapping[str, Any] = {}


class Pipedream:
    """The REST calls the operator makes. It opens connections on demand; `close` closes them."""

    def __init__(self) -> None:
        self._http = httpx2.AsyncClient(timeout=_TIMEOUT)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def mint(self, project: PipedreamProject, client: Client, now: datetime) -> Grant:
        """Get a new developer token.

        Raises:
            ClientRefusedError: the client id or secret is wrong.
            PipedreamUnavailableError: no proper answer.
        """
        body = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
        async with _told_as_ours("the token endpoint"):
            reply = await self._http.post(f"{_base(project)}/oauth/token", json=body)
            if reply.status_code in (400, 401, 403):
                raise ClientRefusedError(
                    f"Pipedream refuses the client credentials (HTTP {reply.status_code})"
                )
            _check(reply, "the token endpoint")
            answer = _TokenReply.model_validate_json(reply.content)
        # The whole second below is promised: status and Secret tell the time in whole seconds.
        expires_at = (now + timedelta(seconds=answer.expires_in)).replace(microsecond=0)
        return Grant(answer.access_token, now, expires_at)

    async def accounts(self, project: PipedreamProject, token: str, user: str | None = None) -> list[Account]:
        """List the connected accounts of the project, or of one of its users.

        Raises:
            TokenRejectedError: the token is refused.
            ProjectRefusedError: the project is.
            PipedreamUnavailableError: no proper answer.
        """
        found: list[Account] = []
        query: dict[str, str | int] = {"limit": _PAGE, **({"external_user_id": user} if user else {})}
        seen: set[str] = set()
        while True:
            page = await self._accounts_page(project, token, query)
            found += [_account(row) for row in page.data]
            cursor = str(page.page_info.get("end_cursor") or "")
            total = int(page.page_info.get("total_count") or 0)
            if not page.data or not cursor or cursor in seen or len(found) >= total:
                return found
            seen.add(cursor)
            query["after"] = cursor

    async def _accounts_page(
        self, project: PipedreamProject, token: str, query: Mapping[str, str | int]
    ) -> _Page:
        url = f"{_base(project)}/connect/{project.spec.project_id}/accounts"
        headers = {"Authorization": f"Bearer {token}", "X-PD-Environment": project.spec.environment}
        async with _told_as_ours("the accounts list"):
            reply = await self._http.get(url, params=dict(query), headers=headers)
            if reply.status_code == httpx2.codes.UNAUTHORIZED:
                raise TokenRejectedError("Pipedream refuses the developer token")
            if reply.is_client_error and reply.status_code not in _COME_BACK:
                raise ProjectRefusedError(
                    f"Pipedream refuses to list the project's accounts (HTTP {reply.status_code})"
                )
            _check(reply, "the accounts list")
            answer = reply.json()
            # Until 2025 the rows stood in data.accounts; today data is the list itself.
            if isinstance(answer.get("data"), dict):
                answer["data"] = answer["data"].get("accounts", [])
            return _Page.model_validate(answer)


def _base(project: PipedreamProject) -> str:
    return project.spec.endpoints.api.rstrip("/")


def _account(row: _AccountRow) -> Account:
    return Account(
        id=row.id,
        user=row.external_id or "",
        app=row.app.name_slug,
        healthy=row.healthy is not False,
        dead=row.dead is True,
    )


def _check(reply: httpx2.Response, what: str) -> None:
    if reply.status_code == httpx2.codes.OK:
        return
    raise PipedreamUnavailableError(
        f"{what} of Pipedream answered HTTP {reply.status_code}", _wait_seconds(reply)
    )


def _wait_seconds(reply: httpx2.Response) -> float | None:
    """For how long an answer asks to be left alone: Retry-After, else when a used-up limit begins anew."""
    after, reset = reply.headers.get("retry-after", ""), reply.headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return min(float(after), _LONGEST_WAIT_SECONDS)
    if reply.status_code == httpx2.codes.TOO_MANY_REQUESTS and reset.isdecimal():
        # Seconds since 1970, as Pipedream's own SDK reads it.
        return min(max(float(reset) - utc_now().timestamp(), 0.0), _LONGEST_WAIT_SECONDS)
    return None


@asynccontextmanager
async def _told_as_ours(what: str) -> AsyncIterator[None]:
    """Map what the HTTP library and malformed answers raise, once."""
    try:
        yield
    except PipedreamError:
        raise
    except httpx2.HTTPError as error:
        raise PipedreamUnavailableError(
            f"{what} of Pipedream cannot be reached ({type(error).__name__})"
        ) from error
    except (ValidationError, ValueError, AttributeError) as error:
        raise PipedreamUnavailableError(f"{what} of Pipedream sent an answer we cannot read") from error


def utc_now() -> datetime:
    """The moment, with its time zone: the only clock of this program besides the event loop's."""
    return datetime.now(UTC)
