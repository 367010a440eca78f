"""The Retry-After header: seconds, or a date."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(value: bytes | None, now: datetime | None = None) -> float | None:
    """How many seconds to wait; None where the header is missing or makes no sense."""
    text = (value or b"").decode("latin-1").strip()
    if not text:
        return None
    try:
        return max(float(text), 0.0) if text.replace(".", "", 1).isdigit() else _until(text, now)
    except ValueError:
        return None


def _until(text: str, now: datetime | None) -> float:
    moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0)
