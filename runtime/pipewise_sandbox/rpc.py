"""JSON-RPC 2.0 as MCP speaks it: reading one message, wording one answer."""

import json
from dataclasses import dataclass
from typing import Any

from pipewise_sandbox.reply import Reply, encoded

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
SERVER_ERROR = -32000


@dataclass(frozen=True, slots=True)
class Message:
    """One message from a client.

    Attributes:
        method: Empty for a response to us, which we never ask for.
        id: None for a notification.
    """

    method: str
    id: str | int | None
    params: dict[str, Any]

    @property
    def tool(self) -> str:
        """The tool a ``tools/call`` names."""
        name = self.params.get("name") if self.method == "tools/call" else None
        return name if isinstance(name, str) else ""


class UnreadableError(Exception):
    """The body is not one JSON-RPC message.

    Attributes:
        code: The JSON-RPC error code that says so.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def read(body: bytes) -> Message:
    """The message in a request body.

    Raises:
        UnreadableError: It is not JSON, or not one message.
    """
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise UnreadableError(PARSE_ERROR, "Parse error: Invalid JSON") from error
    if isinstance(raw, list):
        raise UnreadableError(INVALID_REQUEST, "Invalid Request: Batches are not supported")
    if not isinstance(raw, dict) or raw.get("jsonrpc") != "2.0":
        raise UnreadableError(INVALID_REQUEST, "Invalid Request: Not a JSON-RPC 2.0 message")
    method, identity, params = raw.get("method", ""), raw.get("id"), raw.get("params") or {}
    if not isinstance(method, str) or not isinstance(params, dict):
        raise UnreadableError(INVALID_REQUEST, "Invalid Request: Malformed method or params")
    if not (identity is None or isinstance(identity, str | int)):
        raise UnreadableError(INVALID_REQUEST, "Invalid Request: Malformed id")
    return Message(method, identity, params)


def result(identity: str | int | None, value: bytes) -> bytes:
    """A response with an already encoded result."""
    return b'{"jsonrpc":"2.0","id":' + encoded(identity) + b',"result":' + value + b"}"


def error(identity: str | int | None, code: int, message: str) -> bytes:
    """An error response."""
    return encoded({"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}})


def refusal(status: int, code: int, message: str) -> Reply:
    """An HTTP error that carries a JSON-RPC error about no message in particular."""
    return Reply(status, error(None, code, message))
