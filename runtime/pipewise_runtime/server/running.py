"""The calls that run now, so that their client can end them: by its word or by going away.

Used by the agents' application around each tools/call. Clients are stateless to us: the word to cancel
comes on another connection and names agent, user and request id.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from .asgi import Receive

_WATCH_AFTER_SECONDS = 0.02
"""Most calls are over by then, and need no task that watches for the client's going."""

Key = tuple[str, str, bytes]
"""Agent, user, encoded request id."""


class CancelledByClientError(Exception):
    """The client asked to cancel the call, or went away."""


class Running:
    """One call in flight. Use as a context around it, in the task that awaits it.

    Raises:
        CancelledByClientError: on leaving, when the client ended the call.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._is_cancelled = False

    def cancel(self) -> None:
        """End the call; harmless when it is over."""
        if self._task and not self._is_cancelled:
            self._is_cancelled = True
            self._task.cancel()

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._is_cancelled and task:
            task.uncancel()
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                raise CancelledByClientError


class RunningCalls:
    """All calls in flight."""

    def __init__(self) -> None:
        self._calls: dict[Key, list[Running]] = {}

    def __len__(self) -> int:
        return sum(len(calls) for calls in self._calls.values())

    @contextmanager
    def entered(self, key: Key) -> Iterator[Running]:
        """Note a call for the time it runs."""
        running = Running()
        self._calls.setdefault(key, []).append(running)
        try:
            with running:
                yield running
        finally:
            calls = self._calls[key]
            calls.remove(running)
            if not calls:
                del self._calls[key]

    def cancel(self, key: Key) -> bool:
        """End the call of that key; with two of the same key it is not known which is meant, so none ends."""
        calls = self._calls.get(key, [])
        if len(calls) != 1:
            return False
        calls[0].cancel()
        return True


@contextmanager
def cancelled_with_client(receive: Receive, running: Running) -> Iterator[None]:
    """End the call when its client goes away."""
    watcher: asyncio.Task[None] | None = None

    def watch() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(_cancel_when_gone(receive, running))

    timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, watch)
    try:
        yield
    finally:
        timer.cancel()
        if watcher:
            watcher.cancel()


async def _cancel_when_gone(receive: Receive, running: Running) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    running.cancel()
