"""Time and dice, in one place so that tests can bring their own."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _wall() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """What the call path knows of time and chance."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds; for waits and deadlines."""
    wall: Callable[[], datetime] = _wall
    """The date and time; for reports."""
    dice: Callable[[], float] = random.random
    """A number in [0, 1); to spread waits."""
