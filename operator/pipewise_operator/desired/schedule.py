"""When to do what next: renewing a token, trying again, listing accounts. Time and dice come as arguments."""

from datetime import datetime, timedelta

FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(seconds=60)
REFUSED_RETRY = timedelta(seconds=60)
"""A refused client is tried again this often; a changed Secret or spec at once."""
SECRET_LOOK = timedelta(seconds=3)
"""How often the Secret of a refused client is read again: one GET, and only while something is wrong."""
MINT_GAP = timedelta(seconds=5)
"""At most one token in this time, however many runtimes complain."""
TOKEN_LOOK = timedelta(seconds=60)
"""How often the token's Secret is read again, so that a deleted one comes back."""


def renewal(issued_at: datetime, expires_at: datetime) -> datetime:
    """A token is renewed at two thirds of its life."""
    return issued_at + (expires_at - issued_at) * (2 / 3)


def mint_gap(rejections: int) -> timedelta:
    """The least time between two tokens: longer each time a new token is refused as well.

    One that is refused in the wake of its forerunner, before the cause is gone, does not count yet.
    """
    return min(MINT_GAP * float(2 ** min(max(rejections - 2, 0), 10)), LONGEST_RETRY)


def retry_delay(
    attempt: int, dice: float, retry_after_seconds: float | None = None, longest: timedelta = LONGEST_RETRY
) -> timedelta:
    """How long to wait after the given number of failures in a row (1, 2, …).

    Doubles from one second up to `longest`, jittered by a quarter either way (`dice` in [0, 1)); never
    shorter than what the other side asked for.
    """
    plain = min(FIRST_RETRY * float(2 ** min(attempt - 1, 20)), longest)
    return max(plain * (0.75 + dice / 2), timedelta(seconds=retry_after_seconds or 0))


def next_listing(listed_at: datetime, interval: timedelta, dice: float) -> datetime:
    """All accounts are listed once per interval, jittered so that projects do not march in step."""
    return listed_at + interval * (0.9 + dice / 10)
