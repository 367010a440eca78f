"""Whose accounts to ask for again, and when: at once, then after 2, 4, 8 … s up to the listing interval.

Asking is bounded: Pipedream allows 2,000 account requests per project in five minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST = timedelta(seconds=2)
ROUND = timedelta(seconds=1)
PER_ROUND = 2
"""Users asked for one by one in one round, with rounds ROUND apart: at most 600 requests in five minutes."""
PAGE = 100
PER_PAGE = timedelta(seconds=0.5)
"""A listing for the sake of many users comes no sooner than this per page after the last: 600 again."""
LISTING_GAP = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Recheck:
    """The next look at one user's accounts."""

    due: datetime
    interval: timedelta = timedelta(0)


Schedule = Mapping[str, Recheck]
"""By user."""


def asked_for(known: Schedule, user: str, now: datetime) -> Schedule:
    """The schedule after news about a user: looked at at once, and the intervals begin anew."""
    return {**known, user: Recheck(due=now)}


def settled(known: Schedule, user: str) -> Schedule:
    """The schedule without a user whose accounts are well."""
    return {name: recheck for name, recheck in known.items() if name != user}


def due(known: Schedule, now: datetime) -> list[str]:
    """Everybody who is due: the newest concerns first, then those who have waited longest."""
    waiting = [(recheck.interval, recheck.due, user) for user, recheck in known.items() if recheck.due <= now]
    return [user for _, _, user in sorted(waiting)]


def calls_for_listing(due_users: int, accounts: int, since_listing: timedelta) -> bool:
    """Whether one listing of everything answers the due users better than asking for them one by one."""
    pages = 1 + accounts // PAGE
    return due_users > PER_ROUND and since_listing >= max(LISTING_GAP, pages * PER_PAGE)


def looked_at(known: Schedule, user: str, now: datetime, longest: timedelta) -> Schedule:
    """The schedule after a look: the next one comes after twice the last interval."""
    if user not in known:
        return known
    interval = min(max(known[user].interval * 2, FIRST), longest)
    return {**known, user: Recheck(due=now + interval, interval=interval)}


def next_round(known: Schedule, last_round: datetime) -> datetime | None:
    """When somebody is due next; None when nobody is waiting."""
    first = min((recheck.due for recheck in known.values()), default=None)
    return None if first is None else max(first, last_round + ROUND)
