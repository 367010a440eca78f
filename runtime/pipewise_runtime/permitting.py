"""May the holder of this token use this binding? Asked of the API server, and remembered in `core.access`.

Between `server.authentication`, which hears requests, and the door to the API server in `sources.reviews`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Protocol, TypeVar

import structlog

from .clock import Clock
from .core.access import EVERY, Access, Account, Denied, Reason
from .core.claims import claims_of

log = structlog.get_logger()

AUDIENCE = "mcp.pipewise.io"
"""For whom the tokens are that agents show to runtimes."""
PAUSE_SECONDS = 2.0
"""How long the API server is left alone after it could not be asked."""

T = TypeVar("T")


class ReviewsUnavailableError(Exception):
    """The API server could not be asked; the message says why."""


class Reviews(Protocol):
    """What the API server knows of tokens and rights."""

    async def account_of(self, token: str, audience: str) -> Account | None:
        """Whose token it is; None where it is not good for that audience.

        Raises:
            ReviewsUnavailableError: the API server could not be asked.
        """

    async def may_use(self, account: Account, binding: str) -> bool:
        """Whether an account may use the binding of that name, or all if it is empty.

        Raises:
            ReviewsUnavailableError: the API server could not be asked.
        """


class Permits:
    """Decides who may use what.

    Args:
        reviews: whom to ask.
        audience: what tokens have to be issued for.
        clock: the time.
    """

    def __init__(self, reviews: Reviews, audience: str = AUDIENCE, clock: Clock | None = None) -> None:
        self.audience = audience
        self._reviews = reviews
        self._clock = clock or Clock()
        self._access = Access()
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}
        self._left_alone_until = 0.0

    def allows(self, holder: bytes, binding: str) -> bool:
        """Whether the holder is known to have the right: what nearly every request is answered by."""
        return self._access.allows(holder, binding, self._clock.monotonic())

    async def denial(self, token: bytes, holder: bytes, binding: str) -> Denied | None:
        """Why the holder of a token may not use a binding; None if it may.

        Args:
            token: the token.
            holder: the token's digest.
            binding: the binding's name.
        """
        now = self._clock.monotonic()
        denied = self._access.denial(holder, binding, now) or self._by_claims(token)
        if denied:
            return denied
        if now < self._left_alone_until:
            return self._unasked(holder, binding)
        return await self._once(
            ("decision", holder, binding), lambda: self._decided(token.decode(), holder, binding)
        )

    def _by_claims(self, token: bytes) -> Denied | None:
        claims = claims_of(token.decode("latin-1"))
        if claims is None:
            return Denied(Reason.INVALID)
        if claims.expires_at is not None and self._life_of(claims.expires_at) <= 0:
            return Denied(Reason.EXPIRED)
        return None if self.audience in claims.audiences else Denied(Reason.AUDIENCE)

    async def _decided(self, token: str, holder: bytes, binding: str) -> Denied | None:
        try:
            account = await self._once(("account", holder), lambda: self._recognised(token, holder))
            if account is None:
                return Denied(Reason.INVALID)
            return await self._right(account, holder, binding)
        except ReviewsUnavailableError as error:
            now = self._clock.monotonic()
            if now >= self._left_alone_until:
                log.warning("reviews_unavailable", error=str(error), retry_seconds=PAUSE_SECONDS)
            self._left_alone_until = now + PAUSE_SECONDS
            return self._unasked(holder, binding)

    async def _recognised(self, token: str, holder: bytes) -> Account | None:
        """Whose token it is; None if nobody's."""
        if known := self._access.account(holder, self._clock.monotonic()):
            return known
        account = await self._reviews.account_of(token, self.audience)
        now = self._clock.monotonic()
        if account is None:
            log.info("token_refused", reason=Reason.INVALID.value)
            self._access.reject(holder, Denied(Reason.INVALID), now)
            return None
        claims = claims_of(token)
        ends = claims.expires_at if claims else None
        self._access.recognise(holder, account, now, float("inf") if ends is None else self._life_of(ends))
        return account

    async def _right(self, account: Account, holder: bytes, binding: str) -> Denied | None:
        """Look for the right to use all bindings first: one review then serves for all users."""
        await self._once(("every", holder), lambda: self._reviewed(account, holder, EVERY))
        now = self._clock.monotonic()
        if self._access.inherits(holder, binding, now):
            return None
        return await self._reviewed(account, holder, binding)

    async def _reviewed(self, account: Account, holder: bytes, binding: str) -> Denied | None:
        now = self._clock.monotonic()
        if self._access.allows(holder, binding, now):
            return None
        if known := self._access.denial(holder, binding, now):
            return known
        may = await self._reviews.may_use(account, binding)
        now = self._clock.monotonic()
        if may:
            self._access.grant(holder, binding, now)
            return None
        denied = Denied(Reason.NO_RIGHT, account)
        self._access.deny(holder, binding, denied, now)
        if binding != EVERY:
            log.info("right_missing", account=account.name, verb="use", binding=binding)
        return denied

    def _unasked(self, holder: bytes, binding: str) -> Denied | None:
        stands = self._access.stands(holder, binding, self._clock.monotonic(), PAUSE_SECONDS)
        return None if stands else Denied(Reason.UNASKED)

    def _life_of(self, expires_at: float) -> float:
        return expires_at - self._clock.wall().timestamp()

    async def _once(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Let all who want to know the same at the same time wait for one answer."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(ask())
            flight.add_done_callback(lambda _ended: self._flights.pop(key, None))
        answer: T = await asyncio.shield(flight)
        return answer
