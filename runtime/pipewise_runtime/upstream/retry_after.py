"""How long a 429 asks to wait: Retry-After, or else X-RateLimit-Reset; seconds, or a moment.

All users of a project wait as long as that, so what it says is believed within bounds only.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 3600
"""However long it is asked to wait, after an hour it is tried again."""

_NONSENSE_SECONDS = 24 * 3600
"""Nobody limits runs for more than a day: it means something else, or nothing."""

_MOMENT = 1e9
"""A number from here on is no span but a moment: seconds since 1970, ..."""

_MOMENT_IN_MILLISECONDS = 1e11
"""... or milliseconds, as some servers have it."""


def wished_wait(headers: Mapping[bytes, bytes]) -> float | None:
    """How many seconds a reply asks to wait; None where it does not say so in a way that makes sense."""
    wait = seconds_of(headers.get(b"retry-after"))
    return seconds_of(headers.get(b"x-ratelimit-reset")) if wait is None else wait


def seconds_of(value: bytes | None, now: datetime | None = None) -> float | None:
    """How many seconds to wait, an hour at most; None where the header is missing or makes no sense."""
    text = (value or b"").decode("latin-1").strip()
    if not text:
        return None
    now = now or datetime.now(UTC)
    try:
        seconds = _span(float(text), now) if text.replace(".", "", 1).isdigit() else _until(text, now)
    except ValueError:
        return None
    return None if seconds > _NONSENSE_SECONDS else min(max(seconds, 0.0), LONGEST_SECONDS)


def _span(number: float, now: datetime) -> float:
    if number >= _MOMENT_IN_MILLISECONDS:
        number /= 1000
    return number - now.timestamp() if number >= _MOMENT else number


def _until(text: str, now: datetime) -> float:
    moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
