"""One operation against an upstream: tries, and between them what the table in `core.retry` says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

import msgspec

from pipewise_crds import Verdict

from .clock import Clock
from .core.account_required import account_asked
from .core.eras import PLAIN, Era, Speaks, translated
from .core.param_headers import ParamHeader, encoded, lines
from .core.retry import (
    AccountRequired,
    FateUnknown,
    GiveUp,
    Happened,
    NotSent,
    Operation,
    Outcome,
    Refresh,
    Reopen,
    Retry,
)
from .pool import Pool
from .ports import OnNotification, OnRequest, Token, Tokens, TokenUnavailableError
from .upstream.answer import HappenedError
from .upstream.head import SessionKey
from .upstream.rpc import Message
from .upstream.session import Request, Session


def _open_gate() -> None:
    """Let everything pass."""


def _unnoticed(_happened: Happened, _token: Token | None) -> None:
    """Take no note."""


def _uncounted(_reason: str) -> None:
    """Count nothing."""


def _not_listed() -> bool:
    """Trust no account."""
    return False


class Asked(msgspec.Struct, frozen=True):
    """What is asked of the upstream, and who wants to know how it goes."""

    key: SessionKey
    method: str
    params: bytes
    gate: Callable[[], Happened | GiveUp | None] = _open_gate
    """Looked at before every try: what stands in the way of sending it."""
    noticed: Callable[[Happened, Token | None], None] = _unnoticed
    """Told what happened at each failed try, and with which token."""
    retried: Callable[[str], None] = _uncounted
    """Told why, before each try after the first."""
    listed_healthy: Callable[[], bool] = _not_listed
    """Whether the accounts list says that the user's account is fine."""
    speaks: Speaks = PLAIN
    """How the caller speaks; the upstream's session is of the same era where the upstream knows it."""
    on_notification: OnNotification | None = None
    on_request: OnRequest | None = None
    tool: str = ""
    """The tool that is called."""
    param_headers: tuple[ParamHeader, ...] = ()
    """Which of its arguments travel as headers too."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The upstream's answer, a result or a JSON-RPC error."""

    message: Message
    attempts: int
    token: Token
    era: Era = Era.HANDSHAKE
    """The era of the session that it came on."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer, and what is known of the action."""

    given_up: GiveUp
    happened: Happened | None
    attempts: int


class Operating:
    """Carries out operations: finds a token and a session, sends, and follows the table when that fails."""

    def __init__(self, pool: Pool, tokens: Tokens, clock: Clock) -> None:
        self._pool, self._tokens, self._clock = pool, tokens, clock

    async def run(self, asked: Asked, operation: Operation) -> Answered | Unanswered:
        """Carry out one operation before its deadline."""
        while True:
            happened = asked.gate()
            if isinstance(happened, GiveUp):
                return Unanswered(operation.told(happened), None, operation.attempts)
            trial = _Trial()
            if happened is None:
                operation = operation.begun()
                try:
                    return await self._try(asked, operation, trial)
                except HappenedError as error:
                    happened = error.happened
                except TokenUnavailableError as error:
                    return Unanswered(operation.told(_no_token(error)), None, operation.attempts)
                asked.noticed(happened, trial.token)
            operation, decision = operation.after(happened, self._clock.monotonic(), self._clock.dice())
            if isinstance(decision, GiveUp):
                return Unanswered(decision, happened, operation.attempts)
            try:
                await self._prepare(decision, asked, trial, operation.deadline)
            except TokenUnavailableError as error:
                return Unanswered(operation.told(_no_token(error)), happened, operation.attempts)

    async def _prepare(
        self, decision: Retry | Refresh | Reopen, asked: Asked, trial: "_Trial", deadline: float
    ) -> None:
        """Do what must be done before the next try."""
        match decision:
            case Retry(wait_seconds=seconds, reason=reason):
                asked.retried(reason)
                await asyncio.sleep(seconds)
            case Refresh() if trial.token:
                asked.retried("token")
                await self._wait_for_another(trial.token, asked.key.project.name, deadline)
            case Reopen() if trial.session:
                asked.retried("session")
                self._pool.lose(trial.session)

    async def _try(self, asked: Asked, operation: Operation, trial: "_Trial") -> Answered:
        try:
            async with asyncio.timeout(operation.deadline - self._clock.monotonic()):
                trial.token = await self._tokens.current(asked.key.project.name)
                trial.session = await self._pool.session(asked.key, trial.token, asked.speaks)
        except TimeoutError as error:
            if trial.token is None:
                raise TokenUnavailableError("no token could be had in time") from error
            raise HappenedError(NotSent("no session could be opened in time")) from error
        seconds = operation.deadline - self._clock.monotonic()
        if seconds <= 0:  # what is sent now would be given up with its fate unknown
            raise HappenedError(NotSent("the time was up before the request was sent"))
        request = _request(asked, trial.session.era, seconds)
        message = await trial.session.request(request, trial.token)
        if wanted := account_asked(bytes(message.result)):
            raise HappenedError(AccountRequired(asked.listed_healthy(), wanted.connect_url))
        return Answered(message, operation.attempts, trial.token, trial.session.era)

    async def _wait_for_another(self, rejected: Token, project: str, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await self._tokens.after(project, rejected)
        except TimeoutError as error:
            raise TokenUnavailableError("Pipedream refused our token and no other came in time") from error


def _request(asked: Asked, era: Era, seconds: float) -> Request:
    """What is asked, in the words of the session's era."""
    params = translated(asked.params, asked.speaks, era)
    if era is Era.HANDSHAKE or not asked.tool:
        return Request(asked.method, params, seconds, asked.on_notification, asked.on_request)
    headers = {"mcp-name": encoded(asked.tool)}
    if asked.param_headers:
        headers |= lines(asked.param_headers, msgspec.json.decode(params).get("arguments"))
    return Request(asked.method, params, seconds, asked.on_notification, asked.on_request, headers)


def _no_token(error: TokenUnavailableError) -> GiveUp:
    return GiveUp(Verdict.PROJECT_CREDENTIAL_INVALID, Outcome.NOT_RUN, str(error))


@dataclass(slots=True)
class _Trial:
    """What one try got hold of."""

    token: Token | None = None
    session: Session | None = None


def counts(happened: Happened) -> TypeGuard[NotSent | FateUnknown]:
    """Whether it speaks against the provider: transport, 5xx, time-outs; never quota, token or account."""
    return isinstance(happened, NotSent | FateUnknown)
