"""Accounts asked of Pipedream's Connect REST API itself.

For an application that holds its own Pipedream credentials. Behind `oauth_integration_manager`.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

import httpx2
from pydantic import AwareDatetime, BaseModel, ValidationError

from pipewise_crds import AccountState

from .accounts import AccountsUnavailableError, ConnectLink, McpCredentials

DEFAULT_API_URL = "https://api.pipedream.com/v1"
_UNAUTHORIZED = 401
_LIFE_USED = 2 / 3
"""The part of a token's life after which a new one is taken."""


@dataclass(frozen=True, slots=True)
class PipedreamAccess:
    """A project at Pipedream and the OAuth client that may act for it."""

    project_id: str
    client_id: str
    client_secret: str = field(repr=False)
    environment: str = "development"
    api_url: str = DEFAULT_API_URL

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """Read PIPEDREAM_PROJECT_ID, _CLIENT_ID, _CLIENT_SECRET, _ENVIRONMENT, _API_URL; None if no project.

        Raises:
            ValueError: a project is given but not its client.
        """
        project = environment.get("PIPEDREAM_PROJECT_ID")
        if not project:
            return None
        missing = [n for n in ("PIPEDREAM_CLIENT_ID", "PIPEDREAM_CLIENT_SECRET") if not environment.get(n)]
        if missing:
            raise ValueError(
                f"PIPEDREAM_PROJECT_ID is set, but not {' and '.join(missing)}: set all three, or none"
            )
        return cls(
            project_id=project,
            client_id=environment["PIPEDREAM_CLIENT_ID"],
            client_secret=environment["PIPEDREAM_CLIENT_SECRET"],
            environment=environment.get("PIPEDREAM_ENVIRONMENT") or "development",
            api_url=(environment.get("PIPEDREAM_API_URL") or DEFAULT_API_URL).rstrip("/"),
        )


class _App(BaseModel):
    name_slug: str


class _Account(BaseModel):
    id: str
    app: _App
    healthy: bool | None = None
    dead: bool | None = None

    def state(self) -> AccountState:
        if self.dead:
            return "Dead"
        return "Healthy" if self.healthy else "Unhealthy"


class _PageInfo(BaseModel):
    total_count: int = 0
    end_cursor: str | None = None


class _AccountList(BaseModel):
    data: list[_Account]
    page_info: _PageInfo = _PageInfo()


class _Token(BaseModel):
    access_token: str
    expires_in: float


class _Link(BaseModel):
    connect_link_url: str
    expires_at: AwareDatetime


_Answer = TypeVar("_Answer", bound=BaseModel)


class PipedreamAccounts:
    """Asks Pipedream for a user's accounts and for connect links."""

    def __init__(self, access: PipedreamAccess, client: httpx2.AsyncClient) -> None:
        self._access = access
        self._client = client
        self._token = ""
        self._renew_at = 0.0
        self._minting = asyncio.Lock()

    async def of_user(self, user_id: str) -> Sequence[McpCredentials]:
        """All the user's accounts in this project and environment.

        Raises:
            AccountsUnavailableError: Pipedream does not answer properly.
        """
        found: list[_Account] = []
        query = {"external_user_id": user_id}
        while True:
            page = await self._answer(_AccountList, "GET", "accounts", params=query)
            found += page.data
            if not page.data or len(found) >= page.page_info.total_count or not page.page_info.end_cursor:
                return tuple(
                    McpCredentials(account.app.name_slug, account.state(), account.id) for account in found
                )
            query = {**query, "after": page.page_info.end_cursor}

    async def connect_link(self, user_id: str, app: str) -> ConnectLink:
        """A link, good for one use, with which the user connects an account for the app.

        Raises:
            AccountsUnavailableError: Pipedream does not answer properly.
        """
        link = await self._answer(_Link, "POST", "tokens", json={"external_user_id": user_id})
        url = httpx2.URL(link.connect_link_url).copy_merge_params({"app": app})
        return ConnectLink(str(url), link.expires_at)

    async def _answer(
        self,
        model: type[_Answer],
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> _Answer:
        """One request to the project's part of the API; again with a fresh token if the first is refused."""
        url = f"{self._access.api_url}/connect/{self._access.project_id}/{path}"
        try:
            token = await self._current_token()
            response = await self._client.send(self._request(method, url, token, params, json))
            if response.status_code == _UNAUTHORIZED:
                token = await self._current_token(rejected=token)
                response = await self._client.send(self._request(method, url, token, params, json))
            response.raise_for_status()
            return model.model_validate_json(response.content)
        except (httpx2.HTTPError, ValidationError) as error:
            raise AccountsUnavailableError(
                f"Pipedream's Connect API did not answer properly ({_cause(error)}): try again; should it "
                "stay so, see that PIPEDREAM_CLIENT_ID and PIPEDREAM_CLIENT_SECRET are the project's"
            ) from None  # the chain would carry links and tokens into logs

    def _request(
        self,
        method: str,
        url: str,
        token: str,
        params: Mapping[str, str] | None,
        json: Mapping[str, str] | None,
    ) -> httpx2.Request:
        headers = {"Authorization": f"Bearer {token}", "X-PD-Environment": self._access.environment}
        return self._client.build_request(method, url, headers=headers, params=params, json=json)

    async def _current_token(self, rejected: str | None = None) -> str:
        """The developer token; minted when old or rejected, by one caller while the others wait."""
        async with self._minting:
            if self._token == (rejected or "") or time.monotonic() >= self._renew_at:
                answer = await self._client.post(
                    f"{self._access.api_url}/oauth/token",
                    json={
                        "grant_type": "client_credentials",
                        "client_id": self._access.client_id,
                        "client_secret": self._access.client_secret,
                    },
                )
                answer.raise_for_status()
                minted = _Token.model_validate_json(answer.content)
                self._token = minted.access_token
                self._renew_at = time.monotonic() + minted.expires_in * _LIFE_USED
            return self._token


def _cause(error: httpx2.HTTPError | ValidationError) -> str:
    """What went wrong, without anything that was sent or received."""
    if isinstance(error, httpx2.HTTPStatusError):
        return f"status {error.response.status_code}"
    return type(error).__name__
