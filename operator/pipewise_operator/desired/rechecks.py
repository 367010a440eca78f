"""Whose accounts to ask for again, and when: at once, then after 2, 4, 8 … s up to the listing interval."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Recheck:
    due: datetime
    interval: timedelta = timedelta(0)


class Rechecks:
    """The next look at each user's accounts. Plain and synchronous."""

    def __init__(self) -> None:
        self._next: dict[str, _Recheck] = {}

    def __contains__(self, user: str) -> bool:
        """Whether a user is looked at again at some time."""
        return user in self._next

    def ask(self, user: str, now: datetime) -> None:
        """There is news about a user: look at once, and let the intervals begin anew."""
        self._next[user] = _Recheck(due=now)

    def settle(self, user: str) -> None:
        """A user's accounts are well."""
        self._next.pop(user, None)

    def looked_at(self, user: str, now: datetime, longest: timedelta) -> None:
        """A user was looked at: the next time comes after twice the last interval."""
        if user in self._next:
            interval = min(max(self._next[user].interval * 2, FIRST), longest)
            self._next[user] = _Recheck(due=now + interval, interval=interval)

    def due(self, now: datetime) -> list[str]:
        """Everybody who is due: the newest concerns first, then those who have waited longest."""
        waiting = [(each.interval, each.due, user) for user, each in self._next.items() if each.due <= now]
        return [user for _, _, user in sorted(waiting)]

    def next(self) -> datetime | None:
        """When somebody is due next; None when nobody is waiting."""
        return min((each.due for each in self._next.values()), default=None)
