"""Who may use which binding, as far as it is remembered: so that a call costs one look-up, not two reviews.

Pure; `permitting` asks the API server and tells what it heard. Times are seconds of any one clock. A token is
known by its digest only: what stands here is of no use to whoever reads it.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

GRANTED_SECONDS = 60.0
"""How long a right that was taken away may still be used."""
REFUSED_SECONDS = 5.0
"""How long a right that was given may still be refused."""
UNASKED_SECONDS = 600.0
"""How long a right stands while the API server cannot be asked."""
MOST_REMEMBERED = 16_384
"""Rights, refusals and tokens, each; the oldest are forgotten first."""

EVERY = ""
"""In place of a binding's name: all bindings of the namespace."""

K = TypeVar("K")
V = TypeVar("V")


class Reason(StrEnum):
    """Why a request is refused; a metric's label."""

    NO_TOKEN = "no_token"
    INVALID = "invalid_token"
    AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NO_RIGHT = "no_right"
    UNASKED = "not_reviewed"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose token it is, as the API server says."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal; the account is known where only the right is missing."""

    reason: Reason
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Kept(Generic[V]):
    """Something remembered: relied on until `fresh_until`, and until `kept_until` for want of better."""

    value: V
    fresh_until: float
    kept_until: float


class Memory(Generic[K, V]):
    """A bounded number of things; what was put last is forgotten last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[K, Kept[V]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: K, kept: Kept[V]) -> None:
        """Remember something, in place of what was remembered under that key."""
        self._kept.pop(key, None)
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = kept

    def forget(self, key: K) -> None:
        """Remember nothing under that key."""
        self._kept.pop(key, None)

    def fresh(self, key: K, now: float) -> Kept[V] | None:
        """What can be relied on."""
        kept = self._kept.get(key)
        return kept if kept and now < kept.fresh_until else None

    def lasting(self, key: K, now: float) -> Kept[V] | None:
        """What is still kept, relied on or not."""
        kept = self._kept.get(key)
        return kept if kept and now < kept.kept_until else None


def digest_of(token: bytes) -> bytes:
    """What a token is known by."""
    return hashlib.sha256(token).digest()


class Access:
    """What is remembered of tokens and of their owners' rights.

    Args:
        most: how many tokens, rights and refusals are remembered, each.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._accounts: Memory[bytes, Account] = Memory(most)
        self._grants: Memory[tuple[bytes, str], bool] = Memory(most)
        """Whether each was inherited from the right to use all bindings."""
        self._denials: Memory[tuple[bytes, str | None], Denied] = Memory(most)

    def __len__(self) -> int:
        return len(self._accounts) + len(self._grants) + len(self._denials)

    def allows(self, holder: bytes, binding: str, now: float) -> bool:
        """Whether the holder of a token is known to have the right to use a binding."""
        return self._grants.fresh((holder, binding), now) is not None

    def denial(self, holder: bytes, binding: str, now: float) -> Denied | None:
        """The refusal that was just given to the token, or to its holder for that binding."""
        for key in ((holder, None), (holder, binding)):
            if kept := self._denials.fresh(key, now):
                return kept.value
        return None

    def account(self, holder: bytes, now: float) -> Account | None:
        """Whose token it is."""
        kept = self._accounts.fresh(holder, now)
        return kept.value if kept else None

    def recognise(self, holder: bytes, account: Account, now: float, expires_in_seconds: float) -> None:
        """The API server accepted a token, which expires after that time; what was known of it is renewed."""
        fresh, lasting = (min(seconds, expires_in_seconds) for seconds in (GRANTED_SECONDS, UNASKED_SECONDS))
        self._accounts.put(holder, Kept(account, now + fresh, now + lasting))
        self._denials.forget((holder, None))

    def reject(self, holder: bytes, denied: Denied, now: float) -> None:
        """The API server did not accept a token."""
        self._accounts.forget(holder)
        self._deny((holder, None), denied, now)

    def grant(self, holder: bytes, binding: str, now: float) -> None:
        """The holder may use a binding, for as long as the token is known to be good."""
        if known := self._accounts.lasting(holder, now):
            kept = Kept(value=False, fresh_until=known.fresh_until, kept_until=known.kept_until)
            self._grants.put((holder, binding), kept)
            self._denials.forget((holder, binding))

    def deny(self, holder: bytes, binding: str, denied: Denied, now: float) -> None:
        """The holder may not use a binding."""
        self._grants.forget((holder, binding))
        self._deny((holder, binding), denied, now)

    def inherits(self, holder: bytes, binding: str, now: float) -> bool:
        """Whether the holder may use all bindings, and so this one, which is remembered."""
        every = self._grants.fresh((holder, EVERY), now)
        if every:
            self._grants.put((holder, binding), replace(every, value=True))
        return every is not None

    def stands(self, holder: bytes, binding: str, now: float, again_in_seconds: float) -> bool:
        """Whether a right stands although nobody can be asked now; for so long it need not be asked for."""
        key = (holder, binding)
        if self._accounts.lasting(holder, now) is None:
            return False
        own = self._grants.lasting(key, now)
        is_inherited = own is None or own.value
        kept = self._grants.lasting((holder, EVERY), now) if is_inherited else own
        if kept:
            until = min(now + again_in_seconds, kept.kept_until)
            self._grants.put(key, Kept(is_inherited, until, kept.kept_until))
        return kept is not None

    def _deny(self, key: tuple[bytes, str | None], denied: Denied, now: float) -> None:
        self._denials.put(key, Kept(denied, now + REFUSED_SECONDS, now + REFUSED_SECONDS))
