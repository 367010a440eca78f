"""One MCP session with an upstream: an id and a block of headers, not a connection."""

import asyncio
import itertools
from dataclasses import dataclass

import msgspec

from pipewise_runtime.core.retry import FateUnknown, NotSent, Refused
from pipewise_runtime.ports import OnNotification, Token

from .answer import HappenedError, Reader
from .connection import Attempt
from .head import SessionKey, head
from .host import Host
from .reply import CutOffError, NotSentError, Reply
from .rpc import Message, notification, request

PROTOCOL_VERSION = "2025-11-25"

_identities = itertools.count(1)
"""Request ids are unique over all sessions, so that a reply gone astray answers nobody else's request."""

OPEN_SECONDS = 15.0
"""How long opening a session may take, whoever waits for it."""


_INITIALIZE = (
    b'{"protocolVersion":"%b","capabilities":{},"clientInfo":{"name":"pipewise-runtime","version":"1"}}'
    % PROTOCOL_VERSION.encode()
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the upstream, with its parameters encoded."""

    method: str
    params: bytes
    seconds: float
    """How long the answer may take."""
    on_notification: OnNotification | None = None


class _Initialized(msgspec.Struct, rename="camel"):
    protocol_version: str


@dataclass(slots=True, eq=False)
class Session:
    """A session with an upstream; every request may use any connection of the host."""

    key: SessionKey
    host: Host
    _id: bytes | None = None
    _version: bytes | None = None
    _head: bytes = b""
    _head_token: Token | None = None

    async def initialize(self, token: Token) -> None:
        """Open the session.

        Raises:
            HappenedError: it could not be opened.
        """
        self._id, self._version, self._head_token = None, None, None
        reply, answer = await self._exchange(Request("initialize", _INITIALIZE, OPEN_SECONDS), token)
        if not bytes(answer.result):
            raise HappenedError(Refused("the upstream refused to open a session"))
        try:
            version = msgspec.json.decode(answer.result, type=_Initialized).protocol_version
        except msgspec.DecodeError as error:
            raise HappenedError(
                FateUnknown(f"the upstream's initialize result is malformed: {error}")
            ) from error
        self._id = reply.headers.get(b"mcp-session-id")
        self._version, self._head_token = version.encode(), None
        await self._notify("notifications/initialized", b"{}", token)

    async def request(self, asked: Request, token: Token) -> Message:
        """Send a request and return its answer, a result or an error.

        Where the answer is not awaited any longer, cancelled or out of time, the upstream is told.

        Raises:
            HappenedError: no answer came.
        """
        _, answer = await self._exchange(asked, token)
        return answer

    async def _exchange(self, asked: Request, token: Token) -> tuple[Reply, Message]:
        identity = next(_identities)
        reader = Reader(str(identity).encode(), asked.on_notification)
        attempt = Attempt(self._post(request(identity, asked.method, asked.params), token), reader.take)
        try:
            async with asyncio.timeout(asked.seconds):
                reply = await self.host.exchange(attempt)
        except TimeoutError as error:
            cause = f"no answer came in {asked.seconds:.1f} s"
            self._abandon(attempt, identity, token)
            raise HappenedError(FateUnknown(cause) if attempt.sent else NotSent(cause)) from error
        except NotSentError as error:
            raise HappenedError(NotSent(str(error))) from error
        except CutOffError as error:
            raise HappenedError(FateUnknown(str(error))) from error
        except asyncio.CancelledError:
            self._abandon(attempt, identity, token)
            raise
        return reply, reader.answer_in(reply, has_session=self._id is not None)

    async def _notify(self, method: str, params: bytes, token: Token) -> None:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.host.exchange(Attempt(self._post(notification(method, params), token)))
        except TimeoutError as error:
            raise HappenedError(FateUnknown(f"{method} was not taken in {OPEN_SECONDS:.0f} s")) from error
        except NotSentError as error:
            raise HappenedError(NotSent(str(error))) from error
        except CutOffError as error:
            raise HappenedError(FateUnknown(str(error))) from error

    def _abandon(self, attempt: Attempt, identity: int, token: Token) -> None:
        if not attempt.sent or self._version is None:
            return  # nothing to take back, or only the opening, which must not be cancelled
        params = b'{"requestId":%d,"reason":"the caller does not wait any longer"}' % identity
        self.host.send_and_forget(Attempt(self._post(notification("notifications/cancelled", params), token)))

    def _post(self, body: bytes, token: Token) -> bytes:
        if self._head_token is not token:
            self._head, self._head_token = head(self.key, token, self._id, self._version), token
        return b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body)
