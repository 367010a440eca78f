"""Hearing what an upstream says on a stream that belongs to no call: that its tools changed, or a request."""

from collections.abc import Callable

from .rpc import Message, NotJsonRpcError, message


class Hearing:
    """Takes the events of such a stream.

    Args:
        announced: told that the tools changed.
        asked: takes a request of the upstream.
    """

    __slots__ = ("_announced", "_asked")

    def __init__(self, announced: Callable[[], None], asked: Callable[[Message], None]) -> None:
        self._announced, self._asked = announced, asked

    def take(self, text: bytes) -> bool:
        """Take one event; never the last one wanted."""
        if not text.strip():
            return False
        try:
            read = message(text)
        except NotJsonRpcError:
            return False  # nothing that we could act on
        if read.method == "notifications/tools/list_changed":
            self._announced()
        elif read.method and bytes(read.id):
            self._asked(read)
        return False
