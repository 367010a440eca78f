"""JSON-RPC as it stands on the wire: the envelope is read, what it carries stays as bytes."""

from collections.abc import Sequence

import msgspec

_ABSENT = msgspec.Raw()


class Message(msgspec.Struct):
    """Any JSON-RPC message of an upstream; a field that is not there is empty."""

    id: msgspec.Raw = _ABSENT
    method: str | None = None
    params: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_decoder = msgspec.json.Decoder(Message)
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class NotJsonRpcError(Exception):
    """The upstream's words are not JSON-RPC."""


def request(identity: int, method: str, params: bytes) -> bytes:
    """An encoded request; `params` are encoded already."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":%b}' % (identity, method.encode(), params)


def response(identity: bytes, *, result: bytes = b"", error: bytes = b"") -> bytes:
    """An encoded response to an upstream's request; one of the two is given."""
    if error:
        return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (identity, error)
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (identity, result)


def notification(method: str, params: bytes) -> bytes:
    """An encoded notification."""
    return b'{"jsonrpc":"2.0","method":"%b","params":%b}' % (method.encode(), params)


def message(text: bytes) -> Message:
    """Read one message.

    Raises:
        NotJsonRpcError: the text is not a JSON-RPC message.
    """
    try:
        if not text.isascii():
            text.decode()  # what passes on as bytes must not break the JSON of the agent
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonRpcError(f"the reply is not JSON-RPC: {error}") from error


def messages(body: bytes) -> Sequence[bytes]:
    """The messages in a JSON body: one, or those of a batch.

    Raises:
        NotJsonRpcError: the body is not JSON.
    """
    if not body.lstrip().startswith(b"["):
        return [body]
    try:
        return [bytes(item) for item in _batch_decoder.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJsonRpcError(f"the reply is not JSON-RPC: {error}") from error
