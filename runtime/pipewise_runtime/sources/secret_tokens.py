"""Tokens for a runtime in Kubernetes: the operator mints them into Secrets, here they are read.

Under the call path. A Secret is read when it is first needed, when the project's status tells of a new token,
shortly before the known one expires, and while a call waits for another token than a rejected one.
"""

import asyncio
import base64
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2
import structlog
from lightkube import ApiError, AsyncClient

from pipewise_crds import token_secret_name
from pipewise_runtime.ports import Token, TokenUnavailableError

from .cluster import SECRETS

log = structlog.get_logger()

_EXPIRES_SOON = timedelta(seconds=60)
_BETWEEN_TRIES = timedelta(seconds=1)
"""How often a token that is stale or expires soon is looked up."""
_POLL_SECONDS = 1.0
_NOT_FOUND = 404


@dataclass(slots=True)
class _Known:
    """What is known of one project's token."""

    token: Token | None = None
    announced: datetime | None = None
    """When the token that the project's status tells of expires."""
    is_stale: bool = True
    tried_at: datetime | None = None
    reading: asyncio.Task[Token] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)


class SecretTokens:
    """The `Tokens` port over Secrets."""

    def __init__(self, client: AsyncClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now
        self._known: dict[str, _Known] = {}

    def announced(self, project: str, expires_at: datetime | None) -> None:
        """The project's status tells of the token that expires then; None forgets the announcement."""
        known = self._of(project)
        if known.announced == expires_at:
            return
        known.announced = expires_at
        known.is_stale = known.token is None or known.token.expires_at != expires_at
        if known.token and known.is_stale:
            self._reading(project, known)
        known.news.set()
        known.news = asyncio.Event()

    def held(self, project: str) -> Token | None:
        """The token to use now where it is at hand."""
        known = self._of(project)
        token, now = known.token, self._now()
        if token is None:
            return None
        is_due = known.tried_at is None or now - known.tried_at >= _BETWEEN_TRIES
        if is_due and (known.is_stale or token.expires_at - now <= _EXPIRES_SOON):
            if token.expires_at <= now:
                return None
            self._reading(project, known)
        return token

    async def current(self, project: str) -> Token:
        """The token to use now; one that still holds is never waited for.

        Raises:
            TokenUnavailableError: there is no Secret, or it cannot be read.
        """
        return self.held(project) or await self._read(project, self._of(project))

    async def after(self, project: str, rejected: Token) -> Token:
        """Wait until there is another token than the rejected one; the caller bounds the wait."""
        known = self._of(project)
        if known.token and known.token.value != rejected.value:
            return known.token
        while True:
            news = known.news
            try:
                token = await self._read(project, known)
            except TokenUnavailableError as error:
                log.info("token_awaited", project=project, cause=str(error))
            else:
                if token.value != rejected.value:
                    return token
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await news.wait()

    def _of(self, project: str) -> _Known:
        return self._known.setdefault(project, _Known())

    async def _read(self, project: str, known: _Known) -> Token:
        return await asyncio.shield(self._reading(project, known))

    def _reading(self, project: str, known: _Known) -> asyncio.Task[Token]:
        """A read of the Secret: callers at the same time share one, and none of them can cancel it."""
        if known.reading is None:
            known.reading = asyncio.create_task(self._get(project, known), name=f"read token of {project}")
            known.reading.add_done_callback(lambda task: _forget(known, task))
        return known.reading

    async def _get(self, project: str, known: _Known) -> Token:
        name = token_secret_name(project)
        known.is_stale, known.tried_at = False, self._now()
        try:
            secret = await self._client.get(SECRETS, name)
            token = _token_of(secret.get("data") or {})
        except (httpx2.HTTPError, OSError, ValueError) as error:
            known.is_stale = True
            log.warning("token_secret_unreadable", project=project, secret=name, error=str(error))
            if known.token and not _is_gone(error):
                return known.token
            raise TokenUnavailableError(f"the Secret {name} cannot be read: {error}") from error
        known.token = token
        return token


def _forget(known: _Known, task: "asyncio.Task[Token]") -> None:
    if not task.cancelled():
        task.exception()  # whoever waited was told
    known.reading = None


def _is_gone(error: Exception) -> bool:
    return isinstance(error, ValueError) or (isinstance(error, ApiError) and error.status.code == _NOT_FOUND)


def _token_of(data: dict[str, str]) -> Token:
    """The token in a Secret's data.

    Raises:
        ValueError: a key is missing or not of its form.
    """
    try:
        value, expires_at = (base64.b64decode(data[key]).decode() for key in ("token", "expires-at"))
    except KeyError as error:
        raise ValueError(f"its key {error} is missing") from error
    return Token(value, datetime.fromisoformat(expires_at))
