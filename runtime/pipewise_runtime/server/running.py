"""The calls that run now, so that their client can end them: by its word or by going away.

Used by the agents' application around each tools/call. The word to cancel comes on another connection, and
names agent, user, session and request id.
"""

import asyncio
from types import TracebackType
from typing import Self

from .asgi import Receive

_LOOK_EVERY_SECONDS = 0.02
"""Who runs at two looks gets a task that watches for the client's going; most calls are over by then."""

Key = tuple[str, str, bytes | None, bytes]
"""Agent, user, session (empty without one, None in the era that has none), encoded request id."""


class CancelledByClientError(Exception):
    """The client asked to cancel the call, or went away."""


class Running:
    """One call in flight; a context around it, in the task that awaits it.

    Args:
        calls: where it is noted while it runs.
        key: what its client calls it.
        receive: tells when the client goes away.

    Raises:
        CancelledByClientError: on leaving, when the client ended the call.
    """

    __slots__ = ("_calls", "_is_cancelled", "_key", "_receive", "_task", "_was_seen", "_watcher")

    def __init__(self, calls: "RunningCalls", key: Key, receive: Receive) -> None:
        self._calls = calls
        self._key = key
        self._receive = receive
        self._task: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._was_seen = False
        self._is_cancelled = False

    def cancel(self) -> None:
        """End the call; harmless when it is over."""
        if self._task and not self._is_cancelled:
            self._is_cancelled = True
            self._task.cancel()

    def look(self) -> None:
        """From the second look on, watch for the client's going."""
        if self._was_seen and self._watcher is None:
            self._watcher = asyncio.create_task(self._cancel_when_gone())
        self._was_seen = True

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._calls.add(self._key, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self._calls.remove(self._key, self)
        if self._watcher:
            self._watcher.cancel()
        if self._is_cancelled and task:
            task.uncancel()
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                raise CancelledByClientError

    async def _cancel_when_gone(self) -> None:
        await self._receive()  # the request was read whole: all that can be heard of the client is its going
        self.cancel()


class RunningCalls:
    """All calls in flight."""

    def __init__(self) -> None:
        self._calls: dict[Key, list[Running]] = {}
        self._next_look: asyncio.TimerHandle | None = None

    def add(self, key: Key, running: Running) -> None:
        """Note a call that begins."""
        self._calls.setdefault(key, []).append(running)
        if self._next_look is None:
            self._plan_look()

    def remove(self, key: Key, running: Running) -> None:
        """Forget a call that is over."""
        calls = self._calls[key]
        calls.remove(running)
        if not calls:
            del self._calls[key]

    def cancel(self, key: Key) -> None:
        """End the call of that key; of two without a session none ends: they may be of two clients."""
        calls, session = self._calls.get(key, ()), key[2]
        if session or len(calls) == 1:
            for running in calls:
                running.cancel()

    def _plan_look(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._look)

    def _look(self) -> None:
        """Look at every call; one timer for all costs less than one for each."""
        self._next_look = None
        for calls in self._calls.values():
            for running in calls:
                running.look()
        if self._calls:
            self._plan_look()
