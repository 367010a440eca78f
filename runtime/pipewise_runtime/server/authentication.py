"""The door of a runtime that others can reach: who comes in shows a token, and has the right to its binding.

Around the agents' application, which hears of nobody else. Those without a right are told the same whether or
not there is a binding: who the users are is nobody's business.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter

from pipewise_runtime.core.access import Denied, Reason, digest_of
from pipewise_runtime.permitting import Permits
from pipewise_runtime.ports import Calls

from .asgi import App, Receive, Scope, Send, send_json
from .envelope import error_reply
from .heads import place_of
from .refusing import CODES, NOT_PERMITTED, Asked, headers_of, text_of

RECHECK_SECONDS = 60.0
"""How often the right to a stream that stays open is looked at again."""

_SCHEME = b"bearer "
_LISTEN = b"subscriptions/listen"
_NOTHING_HERE = "nothing here; agents use /agents/AGENT/users/USER/mcp"


@dataclass(frozen=True, slots=True)
class Authentication:
    """The application for those who may use the binding that they ask for.

    Attributes:
        app: the application.
        calls: knows the bindings.
        permits: knows who may use them.
        namespace: where the bindings are; for those who are refused.
        refusals: counts refusals by code and reason.
        recheck_seconds: how often the right to an open stream is looked at again.
    """

    app: App
    calls: Calls
    permits: Permits
    namespace: str
    refusals: Counter
    recheck_seconds: float = RECHECK_SECONDS

    def __post_init__(self) -> None:
        for reason, code in CODES.items():
            self.refusals.labels(str(code), reason.value)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        place = place_of(scope["raw_path"])
        if place is None:
            await send_json(send, error_reply(b"null", NOT_PERMITTED, _NOTHING_HERE), 404)
            return
        agent, user, _door = place
        token, stays_open = _shown(scope["headers"])
        binding = self.calls.binding(agent, user)
        # No binding has a slash in its name, so that one that is missing is asked about like any other.
        name, holder = binding.name if binding else f"{agent}/{user}", digest_of(token)
        if not self.permits.allows(holder, name) and (denied := await self._denial(token, holder, name)):
            await self._refuse(send, denied, Asked(agent, user, self.namespace, self.permits.audience))
            return
        if stays_open or scope["method"] == "GET":
            receive = _until(lambda: self._has_lost(token, holder, name), receive, self.recheck_seconds)
        await self.app(scope, receive, send)

    async def _denial(self, token: bytes, holder: bytes, binding: str) -> Denied | None:
        return await self.permits.denial(token, holder, binding) if token else Denied(Reason.NO_TOKEN)

    async def _has_lost(self, token: bytes, holder: bytes, binding: str) -> bool:
        """Whether a right that was there is not there any more."""
        is_known = self.permits.allows(holder, binding)
        return not is_known and await self._denial(token, holder, binding) is not None

    async def _refuse(self, send: Send, denied: Denied, asked: Asked) -> None:
        code = CODES[denied.reason]
        self.refusals.labels(str(code), denied.reason.value).inc()
        data = {"reason": denied.reason.value}
        body = error_reply(b"null", NOT_PERMITTED, text_of(denied, asked), data)
        await send_json(send, body, code, headers_of(denied.reason))


def _shown(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bool]:
    """The token that comes with a request, empty if none or several do; and whether it asks for a stream."""
    shown, stays_open = b"", False
    for name, value in headers:
        if name == b"authorization":
            if shown:
                return b"", stays_open
            shown = value
        elif name == b"mcp-method":
            stays_open = value.strip() == _LISTEN
    is_bearer = shown[: len(_SCHEME)].lower() == _SCHEME
    return shown[len(_SCHEME) :].strip() if is_bearer else b"", stays_open


def _until(is_over: Callable[[], Awaitable[bool]], receive: Receive, recheck_seconds: float) -> Receive:
    """Hear a client, until it is over: then as if it had gone away, which ends its stream."""

    async def receive_until() -> MutableMapping[str, Any]:
        message = asyncio.ensure_future(receive())
        try:
            while not (await asyncio.wait((message,), timeout=recheck_seconds))[0]:
                if await is_over():
                    return {"type": "http.disconnect"}
            return message.result()
        finally:
            message.cancel()

    return receive_until
