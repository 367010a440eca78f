"""JSON-RPC envelopes: read with one decode that leaves ids and params as bytes, written by splicing bytes.

Between the server's HTTP side and its methods.
"""

from collections.abc import Sequence

import msgspec

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_SERVED = -32010
"""Ours: no binding is served for the agent and user of the path."""
ENDING = -32011
"""Ours: the runtime is about to end and ran nothing; another one answers, or this one in a moment."""
HEADER_MISMATCH = -32020
"""Of MCP 2026-07-28: a header does not say what the body says."""
MISSING_CAPABILITY = -32021
"""Of MCP 2026-07-28: the client cannot be asked what the call needs."""
UNSUPPORTED_VERSION = -32022
"""Of MCP 2026-07-28: the protocol version is not spoken here; `data.supported` says which are."""
REQUEST_CANCELLED = -32800
"""The caller cancelled the request; nobody should be waiting for this reply."""

_NOTHING = msgspec.Raw(b"")
_ID_STARTS = b'"-0123456789'
_MOST_IN_A_BATCH = 64
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding fails with; the last where the text is nested too deeply."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One JSON-RPC message; `id`, `params`, `result` and `error` are encoded JSON, empty when absent."""

    jsonrpc: str
    id: msgspec.Raw = _NOTHING
    method: str = ""
    params: msgspec.Raw = _NOTHING
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _Id(msgspec.Struct):
    id: msgspec.Raw = _NOTHING


class EnvelopeError(Exception):
    """A message that JSON-RPC or MCP does not allow.

    Attributes:
        code: the JSON-RPC error code.
        id: the encoded id of the message where it could be read, else null.
    """

    def __init__(self, code: int, message: str, id: bytes = b"null") -> None:  # noqa: A002 - JSON-RPC's word
        super().__init__(message)
        self.code = code
        self.id = id


_one = msgspec.json.Decoder(Message)
_many = msgspec.json.Decoder(list[msgspec.Raw])
_id = msgspec.json.Decoder(_Id)


def is_batch(body: bytes) -> bool:
    """Whether the body is a JSON array."""
    return body.lstrip()[:1] == b"["


def message_of(body: bytes) -> Message:
    """Read one message.

    Raises:
        EnvelopeError: the body is not JSON, or not a JSON-RPC 2.0 message as MCP allows it.
    """
    try:
        if not body.isascii():
            body.decode()
        message = _one.decode(body)
    except msgspec.ValidationError as error:
        raise EnvelopeError(INVALID_REQUEST, f"not a JSON-RPC 2.0 message: {error}", _id_in(body)) from error
    except _UNREADABLE as error:
        raise EnvelopeError(PARSE_ERROR, f"the body is not valid JSON: {error}") from error
    fault = _fault(message)
    if fault:
        raise EnvelopeError(INVALID_REQUEST, fault, _id_in(body))
    return message


def messages_of(body: bytes) -> Sequence[bytes]:
    """Split a batch into its encoded messages.

    Raises:
        EnvelopeError: the body is not JSON, or the batch is empty or too long.
    """
    try:
        messages = _many.decode(body)
    except _UNREADABLE as error:
        raise EnvelopeError(PARSE_ERROR, f"the body is not valid JSON: {error}") from error
    if not 1 <= len(messages) <= _MOST_IN_A_BATCH:
        raise EnvelopeError(
            INVALID_REQUEST, f"a batch holds 1 to {_MOST_IN_A_BATCH} messages, not {len(messages)}"
        )
    return [bytes(message) for message in messages]


def result_reply(id: bytes, result: bytes) -> bytes:  # noqa: A002 - JSON-RPC's word
    """The encoded response that carries a result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (id, result)


def fault_reply(id: bytes, error: bytes) -> bytes:  # noqa: A002 - JSON-RPC's word
    """The encoded response that carries an encoded error object."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (id, error)


def error_reply(id: bytes, code: int, message: str, data: object = None) -> bytes:  # noqa: A002 - JSON-RPC's word
    """The encoded response that carries an error."""
    return fault_reply(id, encoded_error(code, message, data))


def encoded_error(code: int, message: str, data: object = None) -> bytes:
    """An encoded error object."""
    error: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return msgspec.json.encode(error)


def _fault(message: Message) -> str:
    """What is wrong with a decoded message, or nothing."""
    if message.jsonrpc != "2.0":
        return 'jsonrpc must be "2.0"'
    encoded_id = bytes(message.id)
    if encoded_id and encoded_id[0] not in _ID_STARTS:
        return "id must be a string or a number"
    if message.method:
        params = bytes(message.params)
        return "" if not params or params[:1] == b"{" else "params must be an object"
    if not encoded_id or bool(bytes(message.result)) == bool(bytes(message.error)):
        return "neither a request, a notification nor a response"
    return ""


def _id_in(body: bytes) -> bytes:
    """The encoded id of a message that is otherwise unusable; null where there is none of an allowed form."""
    try:
        found = bytes(_id.decode(body).id)
    except _UNREADABLE:
        return b"null"
    return found if found and found[0] in _ID_STARTS else b"null"
