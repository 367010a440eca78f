"""One operation against an upstream: tries, and between them what the table in `core.retry` says."""

import asyncio
from typing import Protocol, TypeGuard

import msgspec

from pipewise_crds import Verdict

from .clock import Clock
from .core.account_required import account_asked
from .core.eras import PLAIN, Era, Speaks, translated
from .core.param_headers import ParamHeader, encoded, lines
from .core.retry import (
    CROWDED,
    NOT_SERVED,
    AccountRequired,
    FateUnknown,
    GiveUp,
    Happened,
    NotSent,
    Operation,
    Outcome,
    Refresh,
    Refused,
    Reopen,
    Retry,
    SessionLost,
)
from .pool import Pool
from .ports import OnNotification, OnRequest, Token, Tokens, TokenUnavailableError
from .under_way import CAUSE, UnderWay
from .upstream.answer import Answer, HappenedError
from .upstream.head import SessionKey
from .upstream.session import CancelledAfterSendingError, Request, Session


class Asker(Protocol):
    """Who wants to know how an operation goes, and may stand in its way."""

    def gate(self) -> Happened | GiveUp | None:
        """Looked at before every try: what stands in the way of sending it."""

    def still_served(self) -> bool:
        """Whether it may still be sent: a binding that goes stops at once."""

    def noticed(self, happened: Happened, token: Token | None) -> None:
        """Told what happened at each failed try, and with which token."""

    def retried(self, reason: str) -> None:
        """Told why, before each try after the first."""

    def listed_healthy(self) -> bool:
        """Whether the accounts list says that the user's account is fine."""


class Asked(msgspec.Struct, frozen=True):
    """What is asked of the upstream."""

    asker: Asker
    key: SessionKey
    method: str
    params: bytes
    speaks: Speaks = PLAIN
    """How the caller speaks; the upstream's session is of the same era where the upstream knows it."""
    on_notification: OnNotification | None = None
    on_request: OnRequest | None = None
    tool: str = ""
    """The tool that is called."""
    param_headers: tuple[ParamHeader, ...] = ()
    """Which of its arguments travel as headers too."""


class Answered(msgspec.Struct, frozen=True):
    """The upstream's answer, a result or a JSON-RPC error."""

    answer: Answer
    attempts: int
    token: Token
    era: Era = Era.HANDSHAKE
    """The era of the session that it came on."""


class Unanswered(msgspec.Struct, frozen=True):
    """No answer, and what is known of the action."""

    given_up: GiveUp
    happened: Happened | None
    attempts: int


class Operating:
    """Carries out operations: finds a token and a session, sends, and follows the table when that fails."""

    def __init__(self, pool: Pool, tokens: Tokens, clock: Clock, under_way: UnderWay) -> None:
        self._pool, self._tokens, self._clock, self._under_way = pool, tokens, clock, under_way

    async def run(self, asked: Asked, operation: Operation) -> Answered | Unanswered:
        """Carry out one operation before its deadline, or until its call is cut short."""
        course = _Course(operation)
        try:
            return await self._follow(asked, course)
        except asyncio.CancelledError as error:
            if not self._under_way.was_cut_short():
                raise
            is_sent = isinstance(error, CancelledAfterSendingError)
            given_up = course.operation.cut_short(CAUSE, is_sent=is_sent)
            return Unanswered(given_up, None, course.operation.attempts)

    async def _follow(self, asked: Asked, course: "_Course") -> Answered | Unanswered:
        operation = course.operation
        while True:
            happened = asked.asker.gate()
            if isinstance(happened, GiveUp):
                return Unanswered(operation.told(happened), None, operation.attempts)
            trial = _Trial()
            if happened is None:
                operation = course.operation = operation.begun()
                try:
                    return await self._try(asked, operation, trial)
                except HappenedError as error:
                    happened = error.happened
                except TokenUnavailableError as error:
                    return Unanswered(operation.told(_no_token(error)), None, operation.attempts)
                asked.asker.noticed(happened, trial.token)
            operation, decision = operation.after(happened, self._clock.monotonic(), self._clock.dice())
            course.operation = operation
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
                asked.asker.retried(reason)
                await asyncio.sleep(seconds)
            case Refresh() if trial.token:
                asked.asker.retried("token")
                await self._wait_for_another(trial.token, asked.key.project.name, deadline)
            case _:
                asked.asker.retried("session")

    async def _try(self, asked: Asked, operation: Operation, trial: "_Trial") -> Answered:
        token = trial.token = self._tokens.held(asked.key.project.name)
        session = trial.session = self._pool.known(asked.key, asked.speaks)
        if token is None or session is None:
            token, session = await self._opened(asked, operation, trial)
        seconds = operation.deadline - self._clock.monotonic()
        if seconds <= 0:  # what is sent now would be given up with its fate unknown
            raise HappenedError(NotSent("the time was up before the request was sent"))
        try:
            answer = await session.request(_request(asked, session.era, seconds), token)
        except HappenedError as error:
            if isinstance(error.happened, SessionLost):
                self._pool.lose(session)
            raise
        if wanted := account_asked(answer.result):
            raise HappenedError(AccountRequired(asked.asker.listed_healthy(), wanted.connect_url))
        return Answered(answer, operation.attempts, token, session.era)

    async def _opened(self, asked: Asked, operation: Operation, trial: "_Trial") -> tuple[Token, Session]:
        """Wait for the token and the session, which are not both at hand."""
        try:
            async with asyncio.timeout(operation.deadline - self._clock.monotonic()):
                token = trial.token = await self._tokens.current(asked.key.project.name)
                _check_served(asked)  # nobody would ever close a session that is opened for it now
                session = trial.session = await self._pool.session(asked.key, token, asked.speaks)
        except TimeoutError as error:
            if trial.token is None:
                raise TokenUnavailableError("no token could be had in time") from error
            crowded = self._pool.crowded(asked.key)
            unopened = CROWDED if crowded else NotSent("no session could be opened in time")
            raise HappenedError(unopened) from error
        _check_served(asked)
        return token, session

    async def _wait_for_another(self, rejected: Token, project: str, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await self._tokens.after(project, rejected)
        except TimeoutError as error:
            raise TokenUnavailableError("Pipedream refused our token and no other came in time") from error


def _check_served(asked: Asked) -> None:
    if not asked.asker.still_served():
        raise HappenedError(NOT_SERVED)


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


class _Course(msgspec.Struct):
    """How far an operation has come."""

    operation: Operation


class _Trial(msgspec.Struct):
    """What one try got hold of."""

    token: Token | None = None
    session: Session | None = None


def counts(happened: Happened | None) -> TypeGuard[NotSent | FateUnknown]:
    """Whether it speaks against the provider: transport, 5xx, time-outs; never quota, token or account."""
    return isinstance(happened, NotSent | FateUnknown)


def refuses(happened: Happened | None) -> TypeGuard[Refused | SessionLost]:
    """Whether the upstream is there and does not take what it is asked: no outage, and no call would work."""
    return isinstance(happened, Refused | SessionLost)
