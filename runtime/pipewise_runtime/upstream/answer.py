"""Finding the answer to a request in what the upstream sends, or saying what happened instead.

What happened is said in the words of `core.retry`; what to do about it is decided there.
"""

from collections.abc import Callable, Mapping

import msgspec

from pipewise_runtime.core.retry import (
    FateUnknown,
    Forbidden,
    Happened,
    Refused,
    SessionLost,
    Throttled,
    TokenRejected,
)
from pipewise_runtime.ports import OnNotification

from .reply import Reply
from .retry_after import wished_wait
from .rpc import Message, NotJsonRpcError, message, messages

_UNSUPPORTED_VERSION = -32022

_REFUSALS = (400, 404)
"""The statuses with which servers refuse a session, and with which some answer."""

_SESSION_CODES = (-32000, -32001, -32600)
"""Of the errors by which servers say that they do not know a session."""

_NOTHING = (b"", b"null")
"""A field of an answer that is not there; some servers write both of its fields."""


class HappenedError(Exception):
    """A request of a session did not come to an answer; says what happened."""

    def __init__(self, happened: Happened) -> None:
        super().__init__(type(happened).__name__)
        self.happened = happened


class Answer(msgspec.Struct, frozen=True):
    """The upstream's answer to a request: the encoded result or error object; the other one is empty."""

    headers: Mapping[bytes, bytes]
    """Those of the reply that brought it, by lower-case name."""
    result: bytes = b""
    error: bytes = b""


class Reader(msgspec.Struct, eq=False):
    """Finds the answer to one request among what the upstream sends."""

    identity: bytes
    on_notification: OnNotification | None = None
    on_request: Callable[[Message], None] | None = None
    answer: Message | None = None
    broken: NotJsonRpcError | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing more is wanted."""
        return self.answer is not None or self.broken is not None

    def take(self, text: bytes) -> bool:
        """Take one message of an event stream; True when it is the answer."""
        if self.is_done or not text.strip():
            return False  # said already, or an event without data, with which servers open a stream
        try:
            read = message(text)
        except NotJsonRpcError as error:
            self.broken = error
            return True
        if read.method is not None:
            self._pass_on(read, text)
            return False
        if bytes(read.id) != self.identity:
            return False
        self.answer = read
        return True

    def answer_in(self, reply: Reply, *, has_session: bool) -> Answer:
        """The answer the reply carries.

        Raises:
            HappenedError: it carries none.
        """
        if reply.status in _REFUSALS and (error := self._error_in(reply)):
            if has_session and _is_of_session(error):
                raise HappenedError(SessionLost())
            return Answer(reply.headers, error=error)
        if reply.status != 200:  # noqa: PLR2004 - no other status carries an answer
            raise HappenedError(_refusal(reply, has_session=has_session))
        if reply.content_type == b"application/json":
            self._take_body(reply.body)
        elif reply.content_type != b"text/event-stream":
            raise HappenedError(FateUnknown("the reply's content type is neither JSON nor an event stream"))
        if self.broken:
            raise HappenedError(FateUnknown(str(self.broken)))
        answer = _answer_of(self.answer, reply) if self.answer else None
        if answer is None:
            raise HappenedError(FateUnknown("the reply does not answer the request"))
        return answer

    def modern_answer_in(self, reply: Reply) -> Answer:
        """The answer of an upstream of 2026-07-28, where 400 and 404 are answers too, or the version's end.

        Raises:
            HappenedError: the reply carries no answer, or says that the version is not spoken any more.
        """
        if reply.status not in _REFUSALS:
            return self.answer_in(reply, has_session=True)
        error = self._error_in(reply)
        if not error or _code_and_message(error)[0] == _UNSUPPORTED_VERSION:
            raise HappenedError(SessionLost())
        return Answer(reply.headers, error=error)

    def _error_in(self, reply: Reply) -> bytes:
        """The error with which a reply of the status 400 or 404 answers the request."""
        if reply.content_type == b"application/json":
            self._take_body(reply.body)
        answer = _answer_of(self.answer, reply) if self.answer else None
        return answer.error if answer else b""

    def _pass_on(self, read: Message, text: bytes) -> None:
        if not bytes(read.id):
            if self.on_notification:
                self.on_notification(text)
        elif self.on_request:
            self.on_request(read)

    def _take_body(self, body: bytes) -> None:
        try:
            for text in messages(body):
                self.take(text)
        except NotJsonRpcError as error:
            self.broken = error


def _answer_of(read: Message, reply: Reply) -> Answer | None:
    """The answer in a message that carries a result or an error, and not both."""
    result, error = bytes(read.result), bytes(read.error)
    if result.startswith(b"{") and error in _NOTHING:
        return Answer(reply.headers, result)
    if error.startswith(b"{") and result in _NOTHING:
        return Answer(reply.headers, error=error)
    return None


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


def _code_and_message(error: bytes) -> tuple[int, str]:
    try:
        read = msgspec.json.decode(error, type=_Error)
    except msgspec.DecodeError:
        return 0, ""
    return read.code, read.message


def _is_of_session(error: bytes) -> bool:
    code, message = _code_and_message(error)
    return code in _SESSION_CODES and "session" in message.lower()


def _refusal(reply: Reply, *, has_session: bool) -> Happened:
    """What a status other than 200 means."""
    cause = f"the upstream answered with status {reply.status}"
    match reply.status:
        case 401:
            return TokenRejected()
        case 403:
            return Forbidden(cause)
        case 404 if has_session:
            return SessionLost()
        case 400 if has_session:
            return SessionLost(certain=b"session" in reply.body.lower())
        case 429:
            return Throttled(wished_wait(reply.headers))
        case status if 400 <= status < 500:  # noqa: PLR2004 - the client errors of HTTP
            return Refused(cause)
        case _:
            return FateUnknown(cause)
