"""What an upstream of the initialize era asks while a request of ours runs, passed to the caller.

Used by `session`; the answers go up on the same session.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from pipewise_runtime.ports import OnRequest, Token

from .reply import TransportError
from .rpc import Message, response

_NOT_TAKEN = b'{"code":-32601,"message":"the caller takes no such request"}'


class AskedBack:
    """Answers the upstream's requests until the request they belong to is over.

    Args:
        ask: passes a question to the caller; None where there is nobody to ask.
        post: sends an encoded message on the session.
        token: what it is sent with.
    """

    __slots__ = ("_ask", "_post", "_tasks", "_token")

    def __init__(
        self, ask: OnRequest | None, post: Callable[[bytes, Token], Awaitable[None]], token: Token
    ) -> None:
        self._ask, self._post, self._token = ask, post, token
        self._tasks: set[asyncio.Task[None]] | None = None

    def take(self, request: Message) -> None:
        """Answer a request of the upstream."""
        tasks = self._tasks = self._tasks or set()
        task = asyncio.create_task(self._answer(request))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def end(self) -> None:
        """The request that all was about is over: nobody waits for answers any more."""
        for task in self._tasks or ():
            task.cancel()

    async def _answer(self, request: Message) -> None:
        answer = await self._said(request)
        with contextlib.suppress(TransportError):  # then the upstream goes on without it, or answers so
            await self._post(answer, self._token)

    async def _said(self, request: Message) -> bytes:
        identity, method = bytes(request.id), request.method or ""
        if method == "ping":
            return response(identity, result=b"{}")
        if self._ask is None:
            return response(identity, error=_NOT_TAKEN)
        said = await self._ask(method, bytes(request.params) or b"{}")
        return response(identity, result=said.result, error=said.error)
