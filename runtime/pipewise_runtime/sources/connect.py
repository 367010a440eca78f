"""Pipedream's Connect REST API, as far as a runtime without an operator needs it: tokens and accounts.

Under `minted_tokens` and `files`. In Kubernetes the operator does this, for all runtimes at once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx2
import msgspec

from pipewise_crds import AccountStatus, Service
from pipewise_runtime.ports import Token

_PAGE = 100
_REFUSED = (400, 401, 403)

_Answer = TypeVar("_Answer")


class ConnectError(Exception):
    """Pipedream could not be asked; it may be worth trying again."""


class RefusedError(ConnectError):
    """Pipedream refuses the client credentials; trying again with the same ones is of no use."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where and as whom to ask.

    Attributes:
        api: base of the REST API.
        project_id: Pipedream's id of the project.
        environment: development or production.
        client_id: the OAuth client.
        client_secret: its secret.
    """

    api: str
    project_id: str
    environment: str
    client_id: str
    client_secret: str = field(repr=False)


class _App(msgspec.Struct):
    name_slug: str


class Account(msgspec.Struct, frozen=True):
    """A connected account as Pipedream lists it."""

    id: str
    external_id: str
    app: _App
    healthy: bool | None = None
    dead: bool | None = None


class _Wrapped(msgspec.Struct):
    accounts: list[Account]


class _PageInfo(msgspec.Struct):
    end_cursor: str | None = None


class _Accounts(msgspec.Struct):
    data: list[Account] | _Wrapped
    page_info: _PageInfo = msgspec.field(default_factory=_PageInfo)


class _TokenReply(msgspec.Struct):
    access_token: str
    expires_in: float


class Connect:
    """A client of the REST API."""

    def __init__(self) -> None:
        self._http = httpx2.AsyncClient(timeout=10)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def token(self, credentials: Credentials) -> Token:
        """Mint a developer token.

        Raises:
            RefusedError: the client credentials are wrong.
            ConnectError: Pipedream does not answer properly.
        """
        body = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        request = self._http.build_request("POST", f"{credentials.api}/oauth/token", json=body)
        reply = await self._answer(request, _TokenReply)
        return Token(reply.access_token, datetime.now(UTC) + timedelta(seconds=reply.expires_in))

    async def accounts(self, credentials: Credentials, token: Token) -> list[Account]:
        """All connected accounts of the project and environment.

        Raises:
            ConnectError: Pipedream does not answer properly.
        """
        url = f"{credentials.api}/connect/{credentials.project_id}/accounts"
        headers = {"Authorization": f"Bearer {token.value}", "X-PD-Environment": credentials.environment}
        accounts: list[Account] = []
        cursor: str | None = None
        while True:
            query: dict[str, str | int] = {"limit": _PAGE, **({"after": cursor} if cursor else {})}
            request = self._http.build_request("GET", url, params=query, headers=headers)
            page = await self._answer(request, _Accounts)
            found = page.data if isinstance(page.data, list) else page.data.accounts
            accounts.extend(found)
            if len(found) < _PAGE or page.page_info.end_cursor in (None, cursor):
                return accounts
            cursor = page.page_info.end_cursor

    async def _answer(self, request: httpx2.Request, kind: type[_Answer]) -> _Answer:
        what = f"{request.method} {request.url.host}{request.url.path}"
        try:
            response = await self._http.send(request)
        except httpx2.HTTPError as error:
            raise ConnectError(f"{what}: {error or type(error).__name__}") from error
        if response.status_code in _REFUSED:
            raise RefusedError(
                f"{what} answers {response.status_code}: check the project's client credentials"
            )
        if not response.is_success:
            raise ConnectError(f"{what} answers {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError as error:
            raise ConnectError(f"{what}: unexpected answer: {error}") from error


def account_status(service: Service, user: str, accounts: list[Account]) -> AccountStatus:
    """The account that serves a user's service: the pinned one, else the first healthy, else the first."""
    own = [
        account for account in accounts if (account.external_id, account.app.name_slug) == (user, service.app)
    ]
    if service.account_id:
        own = [account for account in own if account.id == service.account_id]
    if not own:
        return AccountStatus(id=service.account_id, state="Missing")
    best = next((account for account in own if account.healthy and not account.dead), own[0])
    state = "Dead" if best.dead else "Healthy" if best.healthy else "Unhealthy"
    return AccountStatus(id=best.id, state=state)
