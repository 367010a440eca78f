"""Waiting in tests for a condition with a deadline, in place of sleeping for a fixed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_INTERVAL_SECONDS = 0.02

Found = TypeVar("Found")


async def eventually(check: Callable[[], Awaitable[Found] | Found], within: float = 5.0) -> Found:
    """Ask every 20 ms until the check returns something true without a failed assertion.

    Args:
        check: a function, plain or async.
        within: seconds until the test fails, with the check's last answer or failed assertion.
    """
    deadline = time.monotonic() + within
    while True:
        answer, failure = await _asked(check)
        if failure is None and answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; the last answer was {answer!r}") from failure
        await asyncio.sleep(_INTERVAL_SECONDS)


async def rest(seconds: float) -> None:
    """Let the event loop go on for so long."""
    until = time.monotonic() + seconds
    await eventually(lambda: time.monotonic() > until)


def eventually_sync(check: Callable[[], Found], within: float = 5.0) -> Found:
    """Like `eventually`, for tests without an event loop."""
    deadline = time.monotonic() + within
    while True:
        answer: Found | None = None
        failure: AssertionError | None = None
        try:
            answer = check()
        except AssertionError as error:
            failure = error
        if failure is None and answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; the last answer was {answer!r}") from failure
        time.sleep(_INTERVAL_SECONDS)


async def _asked(check: Callable[[], Awaitable[Found] | Found]) -> tuple[Found | None, AssertionError | None]:
    try:
        answer = check()
        return (await answer if isinstance(answer, Awaitable) else answer), None
    except AssertionError as error:
        return None, error
