"""The calls under way, and the word that cuts them short because the program ends: they answer all the same.

Noted by `crossing`. Where a call waits, it asks here whether it was cut short or left by its caller.
"""

import asyncio
from typing import cast

CAUSE = "the runtime is about to end"
"""Why a call is cut short."""


class UnderWay:
    """All calls that are not answered yet; a call is the task that awaits its answer."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[object]] = set()
        self._cut: set[asyncio.Task[object]] = set()
        self.is_over = False
        """Whether none may begin any more."""

    def __len__(self) -> int:
        return len(self._calls)

    def begin(self) -> None:
        """Note the current task's call."""
        self._calls.add(_current())

    def end(self) -> None:
        """The current task's call is over."""
        call = _current()
        self._calls.discard(call)
        self._cut.discard(call)

    def cut_short(self) -> None:
        """Have every call answered now, with what is known of it."""
        self.is_over = True
        self._cut |= self._calls
        for call in self._calls:
            call.cancel()

    def was_cut_short(self) -> bool:
        """Whether the cancellation at hand comes of `cut_short`; then it is undone: the call is to answer."""
        call = _current()
        if call not in self._cut:
            return False
        self._cut.discard(call)
        call.uncancel()
        return True


def _current() -> asyncio.Task[object]:
    # there is one: it is asked in coroutines only
    return cast("asyncio.Task[object]", asyncio.current_task())
