"""Which log messages of upstreams a client hears: those of the level it chose, and of graver ones."""

from typing import Literal, get_args

import msgspec

from .questions import Say

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""The levels of MCP; a level's rank is its place."""
EVERYTHING, NOTHING = 0, len(LEVELS)
"""The ranks for those who hear all log messages, and none."""

_RANKS: dict[str, int] = {level: rank for rank, level in enumerate(LEVELS)}


class _Logged(msgspec.Struct):
    level: str = ""


class _Note(msgspec.Struct):
    method: str
    params: _Logged = msgspec.field(default_factory=_Logged)


_note = msgspec.json.Decoder(_Note)


def rank_of(level: str) -> int:
    """The rank of a level that a client chose; everything where there is no such level."""
    return _RANKS.get(level, EVERYTHING)


def from_rank(least: int, notify: Say) -> Say:
    """Pass on notifications, but no log messages below a rank."""
    if least == EVERYTHING:
        return notify
    return lambda notification: _is_heard(notification, least) and notify(notification)


def _is_heard(notification: bytes, least: int) -> bool:
    if b'"notifications/message"' not in notification:
        return True
    try:
        note = _note.decode(notification)
    except msgspec.DecodeError:
        return False
    return note.method != "notifications/message" or _RANKS.get(note.params.level, NOTHING - 1) >= least
