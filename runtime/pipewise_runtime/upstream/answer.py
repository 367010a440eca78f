"""Finding the answer to a request in what the upstream sends, or saying what happened instead.

What happened is said in the words of `core.retry`; what to do about it is decided there.
"""

from dataclasses import dataclass

import msgspec

from pipewise_runtime.core.retry import FateUnknown, Happened, Refused, SessionLost, Throttled, TokenRejected
from pipewise_runtime.ports import OnNotification

from .reply import Reply
from .retry_after import seconds_of
from .rpc import Message, NotJsonRpcError, message, messages

_NOTHING = (b"", b"null")
"""A field of an answer that is not there; some servers write both of its fields."""


class HappenedError(Exception):
    """A request of a session did not come to an answer; says what happened."""

    def __init__(self, happened: Happened) -> None:
        super().__init__(type(happened).__name__)
        self.happened = happened


@dataclass(slots=True)
class Reader:
    """Finds the answer to one request among what the upstream sends."""

    identity: bytes
    on_notification: OnNotification | None
    answer: Message | None = None
    broken: NotJsonRpcError | None = None

    def take(self, text: bytes) -> bool:
        """Take one message of an event stream; True when it is the answer."""
        if self.answer or self.broken or not text.strip():
            return False  # said already, or an event without data, with which servers open a stream
        try:
            read = message(text)
        except NotJsonRpcError as error:
            self.broken = error
            return True
        if read.method is not None:
            if not bytes(read.id) and self.on_notification:
                self.on_notification(text)
            return False
        if bytes(read.id) != self.identity:
            return False
        self.answer = read
        return True

    def answer_in(self, reply: Reply, *, has_session: bool) -> Message:
        """The answer the reply carries.

        Raises:
            HappenedError: it carries none.
        """
        if reply.status != 200:  # noqa: PLR2004 - only 200 carries an answer
            raise HappenedError(_refusal(reply, has_session=has_session))
        if reply.content_type == b"application/json":
            self._take_body(reply.body)
        elif reply.content_type != b"text/event-stream":
            raise HappenedError(FateUnknown("the reply's content type is neither JSON nor an event stream"))
        if self.broken:
            raise HappenedError(FateUnknown(str(self.broken)))
        if self.answer is None or not _is_answer(self.answer):
            raise HappenedError(FateUnknown("the reply does not answer the request"))
        return self.answer

    def _take_body(self, body: bytes) -> None:
        try:
            for text in messages(body):
                self.take(text)
        except NotJsonRpcError as error:
            self.broken = error


def _is_answer(read: Message) -> bool:
    result, error = _object_in(read.result), _object_in(read.error)
    return (result and bytes(read.error) in _NOTHING) or (error and bytes(read.result) in _NOTHING)


def _object_in(field: msgspec.Raw) -> bool:
    return bytes(field).lstrip().startswith(b"{")


def _refusal(reply: Reply, *, has_session: bool) -> Happened:
    """What a status other than 200 means."""
    cause = f"the upstream answered with status {reply.status}"
    match reply.status:
        case 401:
            return TokenRejected()
        case 404 | 400 if has_session:
            return SessionLost()
        case 429:
            return Throttled(seconds_of(reply.headers.get(b"retry-after")))
        case status if 400 <= status < 500:  # noqa: PLR2004 - the client errors of HTTP
            return Refused(cause)
        case _:
            return FateUnknown(cause)
