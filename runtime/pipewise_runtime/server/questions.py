"""What clients are asked while their calls run, until they answer.

The question goes out on the call's own stream, under an id that is unique over all calls; the answer comes as
a message of its own, from the same agent and user.
"""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from functools import partial

from pipewise_runtime.core.eras import NOTHING, Speaks, can_be_asked
from pipewise_runtime.ports import OnRequest, Said

from .envelope import Message

UNASKED = Said(error=b'{"code":-32601,"message":"the caller takes no such request"}')
"""What is said in the name of a client that cannot be asked."""

_QUESTION = b'{"jsonrpc":"2.0","id":%b,"method":"%b","params":%b}'
_Place = tuple[str, str]
"""Agent and user."""

Say = Callable[[bytes], bool]
"""Sends a message to a client unless it leaves too much unread; whether it does."""


class Questions:
    """The questions that are open."""

    def __init__(self) -> None:
        self._open: dict[tuple[_Place, bytes], asyncio.Future[Said]] = {}
        self._begin = f"pipewise-{secrets.token_hex(4)}"
        """Other in each run: an answer to a question of an earlier run answers nothing."""
        self._numbers = itertools.count(1)

    def asking(self, place: _Place, speaks: Speaks, say: Say) -> OnRequest:
        """How the client of one call is asked.

        Args:
            place: agent and user, from whom the answers come.
            speaks: says what the client can be asked.
            say: sends a message on the stream of the call.
        """
        if speaks.capabilities == NOTHING:
            return unasked
        return partial(self._ask, place, speaks.capabilities, say)

    def answered(self, place: _Place, response: Message) -> None:
        """A client answered; what answers no open question is ignored."""
        answer = self._open.get((place, bytes(response.id)))
        if answer and not answer.done():
            answer.set_result(Said(bytes(response.result), bytes(response.error)))

    async def _ask(self, place: _Place, capabilities: bytes, say: Say, method: str, params: bytes) -> Said:
        if not can_be_asked(capabilities, method):
            return UNASKED
        identity = f'"{self._begin}-{next(self._numbers)}"'.encode()
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._open[place, identity] = answer
        try:
            if not say(_QUESTION % (identity, method.encode(), params)):
                return UNASKED
            return await answer
        finally:
            del self._open[place, identity]


async def unasked(_method: str, _params: bytes) -> Said:
    """Refuse in the name of a client that cannot be asked."""
    return UNASKED
