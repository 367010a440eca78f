"""One MCP session with an upstream: an id and a block of headers, not a connection.

With an upstream of 2026-07-28 not even an id: only the headers that every request carries.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from pipewise_runtime.core.eras import HANDSHAKE_VERSIONS, MODERN_VERSION, NOTHING, PLAIN, Era, translated
from pipewise_runtime.core.retry import CROWDED, FateUnknown, HeldBack, NotSent, Refused, SessionLost
from pipewise_runtime.ports import OnNotification, OnRequest, Token

from .answer import Answer, HappenedError, Reader
from .asked_back import AskedBack
from .connection import Attempt
from .head import SessionKey, head
from .hearing import Hearing
from .host import Host
from .reply import CrowdedError, NotSentError, Reply, TimedOutError, TransportError
from .resuming import heard_out
from .rpc import notification, request

_identities = itertools.count(1)
"""Request ids are unique over all sessions, so that a reply gone astray answers nobody else's request."""

OPEN_SECONDS = 15.0
"""How long opening a session may take, whoever waits for it."""


_INITIALIZE = (
    b'{"protocolVersion":"%b","capabilities":%b,"clientInfo":{"name":"pipewise-runtime","version":"1"}}'
)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_DISCOVER = translated(b"{}", PLAIN, Era.MODERN)
_LISTEN = translated(b'{"notifications":{"toolsListChanged":true}}', PLAIN, Era.MODERN)


class CancelledAfterSendingError(asyncio.CancelledError):
    """Cancelled after the request was sent: the upstream may act on it."""


class Request(msgspec.Struct, frozen=True):
    """What is asked of the upstream, with its parameters encoded as the session's era has them."""

    method: str
    params: bytes
    seconds: float
    """How long the answer may take."""
    on_notification: OnNotification | None = None
    on_request: OnRequest | None = None
    headers: Mapping[str, str] = _NO_HEADERS
    """Further headers, by lower-case name."""


class _Tools(msgspec.Struct, frozen=True, rename="camel"):
    list_changed: bool = False


class _Capabilities(msgspec.Struct, frozen=True):
    tools: _Tools | None = None

    @property
    def announce(self) -> bool:
        """Whether changes of the tools are announced."""
        return self.tools is not None and self.tools.list_changed


_NONE = _Capabilities()


class _Initialized(msgspec.Struct, rename="camel"):
    protocol_version: str
    capabilities: _Capabilities = _NONE


class _Discovered(msgspec.Struct, rename="camel"):
    supported_versions: list[str]
    capabilities: _Capabilities = _NONE


@dataclass(slots=True, eq=False)
class Session:
    """A session with an upstream; every request may use any connection of the host."""

    key: SessionKey
    host: Host
    era: Era = Era.HANDSHAKE
    capabilities: bytes = NOTHING
    """What its callers can be asked: encoded, and told when the session is opened."""
    announces: bool = False
    """Whether the upstream says that it tells of changes of its tools."""
    open_seconds: float = OPEN_SECONDS
    """How long each step of opening it may take, whoever waits for it."""
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
        if self.era is Era.MODERN:
            await self._discover(token)
            return
        params = _INITIALIZE % (HANDSHAKE_VERSIONS[-1].encode(), self.capabilities)
        answer = await self.request(Request("initialize", params, self.open_seconds), token)
        if not answer.result:
            raise HappenedError(Refused("the upstream refused to open a session"))
        try:
            said = msgspec.json.decode(answer.result, type=_Initialized)
        except msgspec.DecodeError as error:
            raise HappenedError(
                FateUnknown(f"the upstream's initialize result is malformed: {error}")
            ) from error
        if said.protocol_version not in HANDSHAKE_VERSIONS:
            cause = (
                f"the upstream wants to speak MCP {said.protocol_version[:20]!r}, which the runtime does not"
            )
            raise HappenedError(Refused(cause))
        self._id = answer.headers.get(b"mcp-session-id")
        self.announces = said.capabilities.announce
        self._version, self._head_token = said.protocol_version.encode(), None
        await self._notify("notifications/initialized", b"{}", token)

    def assume(self, *, announces: bool) -> None:
        """Take it for known that the upstream speaks 2026-07-28: then there is nothing to open."""
        self.announces = announces
        self._version, self._head_token = MODERN_VERSION.encode(), None

    async def request(self, asked: Request, token: Token) -> Answer:
        """Send a request and return its answer, a result or an error.

        Where the answer is not awaited any longer, cancelled or out of time, the upstream is told.

        Raises:
            HappenedError: no answer came.
        """
        identity = next(_identities)
        back = AskedBack(asked.on_request, self._tell, token)
        reader = Reader(b"%d" % identity, asked.on_notification, back.take)
        body = request(identity, asked.method, asked.params)
        attempt = Attempt(self._post(body, token, asked), reader.take, asked.seconds)
        try:
            reply = await self._exchanged(attempt, reader, token)
        except asyncio.CancelledError as error:
            self._abandon(attempt, identity, token)
            if attempt.sent:
                raise CancelledAfterSendingError from error
            raise
        except TransportError as error:
            if isinstance(error, TimedOutError):
                self._abandon(attempt, identity, token)
            raise HappenedError(_happened(error)) from error
        finally:
            back.end()
        if self.era is Era.MODERN:
            return reader.modern_answer_in(reply)
        return reader.answer_in(reply, has_session=self._id is not None)

    async def listen(self, token: Token, announced: Callable[[], None]) -> bool:
        """Hear of changes of the tools until the upstream ends the stream; False where it has none.

        Raises:
            HappenedError: the stream was cut, or could not be opened.
        """
        back = AskedBack(None, self._tell, token)
        hearing = Hearing(announced, back.take)
        if self.era is Era.MODERN:
            asked = Request("subscriptions/listen", _LISTEN, 0.0)
            text = self._post(request(next(_identities), asked.method, asked.params), token, asked)
        else:
            text = self._get(token)
        try:
            reply = await self.host.exchange(Attempt(text, hearing.take))
        except TransportError as error:
            raise HappenedError(NotSent(str(error))) from error
        finally:
            back.end()
        return reply.is_events

    async def _discover(self, token: Token) -> None:
        self.assume(announces=False)
        try:
            answer = await self.request(Request("server/discover", _DISCOVER, self.open_seconds), token)
        except HappenedError as error:
            if isinstance(error.happened, SessionLost):
                raise HappenedError(Refused(f"the upstream does not speak MCP {MODERN_VERSION}")) from error
            raise
        try:
            said = msgspec.json.decode(answer.result, type=_Discovered)
        except msgspec.DecodeError as error:
            raise HappenedError(Refused("the upstream knows no server/discover")) from error
        if MODERN_VERSION not in said.supported_versions:
            raise HappenedError(Refused(f"the upstream does not speak MCP {MODERN_VERSION}"))
        self.announces = said.capabilities.announce

    async def _notify(self, method: str, params: bytes, token: Token) -> None:
        try:
            await self._tell(notification(method, params), token)
        except TransportError as error:
            raise HappenedError(_happened(error)) from error

    async def _tell(self, body: bytes, token: Token) -> None:
        """Send a message that has no answer."""
        await self.host.exchange(Attempt(self._post(body, token), seconds=self.open_seconds))

    def _abandon(self, attempt: Attempt, identity: int, token: Token) -> None:
        if self.era is Era.MODERN:
            return  # closing the connection, which has happened, is the word to cancel
        if not attempt.sent or self._version is None:
            return  # nothing to take back, or only the opening, which must not be cancelled
        params = b'{"requestId":%d,"reason":"the caller does not wait any longer"}' % identity
        self.host.send_and_forget(self._post(notification("notifications/cancelled", params), token))

    async def _exchanged(self, attempt: Attempt, reader: Reader, token: Token) -> Reply:
        if self.era is Era.MODERN:
            return await self.host.exchange(attempt)
        return await heard_out(
            self.host, attempt, lambda: reader.is_done, lambda last_id: self._get(token, last_id)
        )

    def _get(self, token: Token, last_id: bytes = b"") -> bytes:
        """The request for the stream of what belongs to no call, or for the rest of a call's stream."""
        self._post(b"", token)
        rest = b"last-event-id: %b\r\n" % last_id if last_id else b""
        return b"GET%b%b\r\n" % (self._head.removeprefix(b"POST"), rest)

    def _post(self, body: bytes, token: Token, asked: Request | None = None) -> bytes:
        if self._head_token is not token:
            self._head, self._head_token = head(self.key, token, self._id, self._version), token
        if asked is None or self.era is Era.HANDSHAKE:
            return b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
        routing = f"mcp-method: {asked.method}\r\n{lines}".encode()
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (self._head, routing, len(body), body)


def _happened(error: TransportError) -> HeldBack | NotSent | FateUnknown:
    if isinstance(error, CrowdedError):
        return CROWDED
    return NotSent(str(error)) if isinstance(error, NotSentError) else FateUnknown(str(error))
