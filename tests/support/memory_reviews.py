"""Reviews in memory: the second implementation of the runtime's `Reviews` port; and tokens made up for it."""

import asyncio
import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from pipewise_runtime.clock import Clock
from pipewise_runtime.core.access import Account
from pipewise_runtime.permitting import AUDIENCE, ReviewsUnavailableError

ACCOUNT = Account("system:serviceaccount:sales:agents", "1", ("system:serviceaccounts",))


def token_of(audiences: Any = (AUDIENCE,), expires_at: float | None = None, **claims: Any) -> str:  # noqa: ANN401 - JSON
    """A JSON Web Token that nobody has signed."""
    ends = {} if expires_at is None else {"exp": expires_at}
    parts = ({"alg": "RS256"}, {"aud": audiences, **ends, **claims})
    return ".".join([*(_encoded(json.dumps(part).encode()) for part in parts), "bm9ib2R5"])


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@dataclass
class Time:
    """A clock that the test sets; it begins in the year 2026."""

    passed: float = 0.0
    began: float = 1_790_000_000.0

    @classmethod
    def now(cls) -> Self:
        """A clock that begins now."""
        return cls(began=datetime.now(UTC).timestamp())

    @property
    def clock(self) -> Clock:
        """The clock to give away."""
        return Clock(lambda: self.passed, lambda: datetime.fromtimestamp(self.began + self.passed, UTC))


@dataclass
class MemoryReviews:
    """Knows whose each token is and which bindings each account may use; the empty name stands for all."""

    owners: dict[str, Account] = field(default_factory=dict)
    rights: set[tuple[str, str]] = field(default_factory=set)
    is_away: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    """How often each token, and each binding, was asked about."""
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def account_of(self, token: str, audience: str) -> Account | None:
        """Whose token it is."""
        assert audience == AUDIENCE
        await self._answer(token)
        return self.owners.get(token)

    async def may_use(self, account: Account, binding: str) -> bool:
        """Whether an account may use a binding."""
        await self._answer(binding)
        return not {(account.name, binding), (account.name, "")}.isdisjoint(self.rights)

    async def _answer(self, question: str) -> None:
        self.asked[question] += 1
        await self.may_answer.wait()
        if self.is_away:
            raise ReviewsUnavailableError("away")
