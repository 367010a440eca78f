"""How the accounts of many users are asked for: one by one or all together, and how often.

Pipedream allows 2,000 account requests per project in five minutes; at most 1,200 are made here.
"""

from datetime import datetime, timedelta

PAGE = 100
"""Accounts in one page of a listing; a page is a request."""
AT_ONCE = 600
EACH = timedelta(seconds=0.5)
"""A request is earned back in this time."""
ROUND = timedelta(seconds=1)
"""Users who need a look are gathered for so long, so that one listing can answer many of them."""
LISTING_GAP = timedelta(seconds=2)
MOST_LOOKS = 16
"""Users looked at in one round."""


class Budget:
    """Requests that may be made: AT_ONCE, and one more for each EACH since. Plain and synchronous."""

    def __init__(self, now: datetime) -> None:
        self._full_at = now

    def spend(self, requests: int, now: datetime) -> None:
        """So many were made."""
        self._full_at = max(self._full_at, now) + requests * EACH

    def allows_at(self, requests: int) -> datetime:
        """From when on so many may be made; more than AT_ONCE have to wait until nothing is spent."""
        return self._full_at - max(AT_ONCE - requests, 0) * EACH


def pages(accounts: int) -> int:
    """The requests that a listing of so many accounts takes."""
    return 1 + accounts // PAGE


def is_listing_cheaper(users: int, accounts: int) -> bool:
    """Whether one listing of everybody answers for these users with fewer requests than looks do."""
    return users > pages(accounts)
