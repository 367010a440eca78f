"""HTTP to the runtime that outlives the runtime. `pipedream_mcp` gives it to the agents' MCP clients.

The MCP client gives up its whole session when one request meets a cut connection, and then fails every
later call, though the restarted runtime would serve them. So such a request is answered here, with an error.
"""

import json
import ssl
from functools import cache
from typing import Any

import httpx2
from mcp.shared.exceptions import MCPError

CONNECTION_LOST = -32097
"""JSON-RPC code of the answers made here; from the range that is free for implementations."""

_NEVER_SENT = "pipewise/neverSent"
_CONNECT_TIMEOUT_SECONDS = 5.0
_CONNECT_RETRIES = 3
"""After 0, 0.5 and 1 s: a restarting sidecar listens again by then. Nothing sent, so nothing repeated."""


def http_client(
    headers: dict[str, str] | None = None,
    timeout: httpx2.Timeout | None = None,
    auth: httpx2.Auth | None = None,
) -> httpx2.AsyncClient:
    """A client for Streamable HTTP, in the form the Agents SDK asks for one."""
    return _client(_Surviving(_direct()), headers, timeout, auth)


def sse_client(
    headers: dict[str, str] | None = None,
    timeout: httpx2.Timeout | None = None,
    auth: httpx2.Auth | None = None,
) -> httpx2.AsyncClient:
    """A client for HTTP with SSE: answers come on another stream, so lost requests get none here."""
    return _client(_direct(), headers, timeout, auth)


def was_never_sent(error: BaseException | None) -> bool:
    """Whether an error proves that nothing of the request reached the runtime."""
    return (
        isinstance(error, MCPError) and isinstance(error.data, dict) and error.data.get(_NEVER_SENT) is True
    )


def _client(
    transport: httpx2.AsyncBaseTransport,
    headers: dict[str, str] | None,
    timeout: httpx2.Timeout | None,
    auth: httpx2.Auth | None,
) -> httpx2.AsyncClient:
    waits = {**(timeout or httpx2.Timeout(None)).as_dict(), "connect": _CONNECT_TIMEOUT_SECONDS}
    return httpx2.AsyncClient(
        headers=headers, timeout=httpx2.Timeout(**waits), auth=auth, transport=transport
    )


def _direct() -> httpx2.AsyncHTTPTransport:
    """Past any proxy: the runtime is beside us or in the same cluster."""
    return httpx2.AsyncHTTPTransport(verify=_tls(), trust_env=False, retries=_CONNECT_RETRIES)


@cache
def _tls() -> ssl.SSLContext:
    """Made once: each one made blocks the loop for about 50 ms."""
    return ssl.create_default_context()


class _Surviving(httpx2.AsyncBaseTransport):
    """Answers a request that was lost with a JSON-RPC error."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; read an answer that is not a stream to its end, where it may still break off."""
        try:
            response = await self._inner.handle_async_request(request)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                await response.aread()
        except httpx2.TransportError as error:
            if (lost := _id_of(request)) is None:
                raise
            return _lost(lost, error)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _id_of(request: httpx2.Request) -> str | int | None:
    """The id of the JSON-RPC request within, if there is one."""
    try:
        message: Any = json.loads(request.content)
    except ValueError:
        return None
    found: str | int | None = message.get("id") if isinstance(message, dict) else None
    return found


def _lost(request_id: str | int, error: httpx2.TransportError) -> httpx2.Response:
    never_sent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    problem = {
        "code": CONNECTION_LOST,
        "message": f"the connection to the runtime was lost ({type(error).__name__})",
        "data": {_NEVER_SENT: never_sent},
    }
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": request_id, "error": problem})
