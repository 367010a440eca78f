"""A plain MCP client over http.client: opens sessions, lists, calls, and spells requests for the load."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

from .fixtures import CALLED
from .processes import BenchError

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_VERSION = "2025-11-25"
_INITIALIZE = {
    "protocolVersion": _VERSION,
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}
_FIRST_ID = 1_000_000_000
"""Ten digits, which the load generator counts up in place."""


class Conversation:
    """One client of one MCP endpoint, on a connection of its own. A context manager.

    Raises:
        BenchError: from all methods, when the endpoint does not answer as it should.
    """

    def __init__(self, port: int, path: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._port, self._path = port, path
        self._headers = dict(_HEADERS)
        self._ids = 0

    def __enter__(self) -> Self:
        """It connects with its first request."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Hang up; the session stays."""
        self._connection.close()

    def initialize(self) -> None:
        """Begin a session."""
        self._request("initialize", _INITIALIZE)
        self._headers["MCP-Protocol-Version"] = _VERSION
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def tools(self) -> int:
        """How many tools are listed."""
        return len(self._request("tools/list", {})["tools"])

    def call(self, tool: str = CALLED) -> None:
        """Call a tool."""
        if self._request("tools/call", {"name": tool, "arguments": {"field0": "value"}}).get("isError"):
            raise BenchError(f"{tool} was answered with an error by {self._path}")

    def spelled(self, method: str) -> bytes:
        """The raw HTTP request of this session for the load generator."""
        params = {"name": CALLED, "arguments": {"field0": "value"}} if method == "tools/call" else {}
        message = {"jsonrpc": "2.0", "id": _FIRST_ID, "method": method, "params": params}
        body = json.dumps(message, separators=(",", ":"))
        headers = {"Host": f"127.0.0.1:{self._port}", **self._headers, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self._path} HTTP/1.1\r\n{lines}\r\n{body}".encode()

    def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._ids += 1
        text = self._post({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        result = json.loads(text).get("result")
        if not isinstance(result, dict):
            raise BenchError(f"{method} was answered by {self._path} with {text[:300]!r}")
        return result

    def _post(self, message: dict[str, Any]) -> str:
        try:
            self._connection.request("POST", self._path, json.dumps(message), self._headers)
            reply = self._connection.getresponse()
            text = reply.read().decode()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise BenchError(f"port {self._port} does not answer: {error!r}") from error
        if reply.status not in (200, 202):
            raise BenchError(f"{self._path} answered {reply.status}: {text[:300]}")
        if session := reply.headers.get("Mcp-Session-Id"):
            self._headers["Mcp-Session-Id"] = session
        if reply.headers.get_content_type() == "text/event-stream":
            data = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
            text = next(line for line in reversed(data) if line)
        return text
