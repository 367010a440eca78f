"""Sessions of the initialize era that need no memory: the id itself says what its client can be asked.

Any replica takes it, also after a restart. Of the last few thousand it is remembered that they were ended by
their client, and which log messages they want to hear.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections import OrderedDict
from functools import lru_cache

import msgspec

from pipewise_runtime.core.eras import NOTHING, Speaks, canonical

from .log_levels import EVERYTHING

_BEGIN = b"pipewise."
_LONGEST = 512
_MOST_ENDED = 4096
_MOST_CHOSEN = 4096


def opened(capabilities: bytes) -> bytes:
    """A new session's id.

    Args:
        capabilities: what the client declared in initialize, encoded.
    """
    try:
        can = canonical(capabilities)
    except msgspec.DecodeError:
        can = NOTHING
    return b"%b%b.%b" % (_BEGIN, urlsafe_b64encode(can), secrets.token_urlsafe(12).encode())


@lru_cache(maxsize=4096)
def speaks_of(session: bytes) -> Speaks | None:
    """How the client of a session speaks; None for what is no id of ours."""
    parts = session.removeprefix(_BEGIN).split(b".")
    if not session.startswith(_BEGIN) or len(session) > _LONGEST or len(parts) != 2:  # noqa: PLR2004
        return None
    try:
        return Speaks(capabilities=canonical(urlsafe_b64decode(parts[0])))
    except (Error, msgspec.DecodeError):
        return None


class ChosenLevels:
    """The levels of log messages that sessions chose last, as ranks; those forgotten hear everything again.

    Args:
        most: how many of them are remembered.
    """

    def __init__(self, most: int = _MOST_CHOSEN) -> None:
        self._most = most
        self._ranks: OrderedDict[bytes, int] = OrderedDict()

    def of(self, session: bytes) -> int:
        """The least rank that a session hears."""
        return self._ranks.get(session, EVERYTHING)

    def choose(self, session: bytes, rank: int) -> None:
        """A session says from which rank on it wants to hear log messages."""
        self._ranks[session] = rank
        self._ranks.move_to_end(session)
        if len(self._ranks) > self._most:
            self._ranks.popitem(last=False)


class EndedSessions:
    """The sessions that clients ended last.

    Args:
        most: how many of them are remembered.
    """

    def __init__(self, most: int = _MOST_ENDED) -> None:
        self._most = most
        self._ended: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, session: bytes) -> bool:
        return session in self._ended

    def add(self, session: bytes) -> None:
        """A client ended its session."""
        self._ended[session] = None
        if len(self._ended) > self._most:
            self._ended.popitem(last=False)
