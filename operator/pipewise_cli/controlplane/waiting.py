"""Waiting for a condition with a deadline."""

import time
from collections.abc import Callable

_INTERVAL_SECONDS = 0.02


def wait_until(check: Callable[[], bool], within_seconds: float) -> bool:
    """Ask again and again until the check holds; False when the time is up first."""
    deadline = time.monotonic() + within_seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(_INTERVAL_SECONDS)
    return True
