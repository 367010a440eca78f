"""Hearing a stream out: where it ends before the answer, what comes after its last event is asked for by GET.

Since 2025-11-25 servers may end a stream at will and have their clients come back; that repeats nothing. Only
events with an id can be come back for.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec

from .connection import Attempt
from .host import Host
from .reply import CutOffError, Reply, TimedOutError, TransportError

SHORTEST_PAUSE_SECONDS = 0.1
"""Before coming back, however soon the server wants it."""


async def heard_out(
    host: Host, attempt: Attempt, is_answered: Callable[[], bool], coming_back: Callable[[bytes], bytes]
) -> Reply:
    """Send a request and wait for its reply, on as many streams as that takes.

    Args:
        host: where the request goes.
        attempt: the request, with the seconds that all of it may take.
        is_answered: whether the events so far hold the answer.
        coming_back: the request for what comes after the event of an id.

    Raises:
        NotSentError: no byte of the request was written.
        CutOffError: bytes were written and no proper reply came.
    """
    until = time.monotonic() + (attempt.seconds or 0.0)
    while True:
        try:
            reply = await host.exchange(attempt)
        except TransportError as error:
            if isinstance(error, TimedOutError) or not attempt.last_id:
                raise
        else:
            if is_answered() or not attempt.last_id:
                return reply
            if not reply.is_events:
                raise CutOffError(f"the stream ended before the answer; the rest met status {reply.status}")
        pause = max(attempt.retry_seconds, SHORTEST_PAUSE_SECONDS)
        if (left := until - time.monotonic() - pause) <= 0:
            raise TimedOutError("the stream ended before the answer, which did not come in time")
        await asyncio.sleep(pause)
        attempt = msgspec.structs.replace(attempt, request=coming_back(attempt.last_id), seconds=left)
