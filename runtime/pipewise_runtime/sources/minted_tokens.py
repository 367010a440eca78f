"""Tokens for a runtime without an operator: minted here from the client credentials, renewed in good time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from pipewise_runtime.ports import Token, TokenUnavailableError

from .connect import Connect, ConnectError, Credentials, RefusedError

log = structlog.get_logger()

_RENEWED_AT = 2 / 3
"""Part of a token's life after which another one is minted."""
_BETWEEN_TRIES_SECONDS = 1.0


@dataclass(slots=True)
class _Minted:
    """What is known of one project's token."""

    credentials: Credentials
    token: Token | None = None
    renew_at: float = 0.0
    ends_at: float = 0.0
    """When another is to be minted, and when the token expires, on the loop's clock."""
    minting: asyncio.Task[Token] | None = None


class MintedTokens:
    """The `Tokens` port over Pipedream's token endpoint.

    Args:
        connect: the client of the REST API.
        credentials_of: the client credentials of a project, None where there are none.
    """

    def __init__(self, connect: Connect, credentials_of: Callable[[str], Credentials | None]) -> None:
        self._connect = connect
        self._credentials_of = credentials_of
        self._minted: dict[str, _Minted] = {}

    def held(self, project: str) -> Token | None:
        """The token to use now where it is at hand.

        Raises:
            TokenUnavailableError: there are no client credentials.
        """
        minted = self._of(project)
        now = asyncio.get_running_loop().time()
        if now >= minted.ends_at:
            return None
        if now >= minted.renew_at:
            self._minting(project, minted)
        return minted.token

    async def current(self, project: str) -> Token:
        """The token to use now; one that still holds is never waited for.

        Raises:
            TokenUnavailableError: there are no client credentials, or Pipedream mints no token.
        """
        return self.held(project) or await self._mint(project, self._of(project))

    async def after(self, project: str, rejected: Token) -> Token:
        """Wait until there is another token than the rejected one; the caller bounds the wait."""
        while True:
            minted = self._of(project)
            if minted.token and minted.token.value != rejected.value:
                return minted.token
            try:
                token = await self._mint(project, minted)
            except TokenUnavailableError as error:
                if isinstance(error.__cause__, RefusedError):
                    raise
            else:
                if token.value != rejected.value:
                    return token
            await asyncio.sleep(_BETWEEN_TRIES_SECONDS)

    def _of(self, project: str) -> _Minted:
        credentials = self._credentials_of(project)
        if credentials is None:
            raise TokenUnavailableError(
                f"project {project} has no client credentials: add the PipedreamProject and the Secret "
                "that its credentialsSecretRef names"
            )
        minted = self._minted.get(project)
        if minted is None or (minted.credentials is not credentials and minted.credentials != credentials):
            minted = self._minted[project] = _Minted(credentials)
        return minted

    async def _mint(self, project: str, minted: _Minted) -> Token:
        return await asyncio.shield(self._minting(project, minted))

    def _minting(self, project: str, minted: _Minted) -> asyncio.Task[Token]:
        """Mint a token: callers at the same time share one request, and none of them can cancel it."""
        if minted.minting is None:
            minted.minting = asyncio.create_task(self._ask(project, minted), name=f"mint token of {project}")
            minted.minting.add_done_callback(lambda task: _forget(minted, task))
        return minted.minting

    async def _ask(self, project: str, minted: _Minted) -> Token:
        loop = asyncio.get_running_loop()
        minted.renew_at = loop.time() + _BETWEEN_TRIES_SECONDS
        try:
            token = await self._connect.token(minted.credentials)
        except ConnectError as error:
            log.warning("token_not_minted", project=project, error=str(error))
            raise TokenUnavailableError(f"no token for project {project}: {error}") from error
        life = (token.expires_at - datetime.now(UTC)).total_seconds()
        now = loop.time()
        minted.token, minted.renew_at, minted.ends_at = token, now + life * _RENEWED_AT, now + life
        log.info("token_minted", project=project, expires_at=token.expires_at.isoformat())
        return token


def _forget(minted: _Minted, task: "asyncio.Task[Token]") -> None:
    if not task.cancelled():
        task.exception()  # whoever waited was told
    minted.minting = None
