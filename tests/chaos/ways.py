"""How a user's calls reach the runtime: by POST, in either era, or over HTTP with SSE."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import httpx2

from pipewise_crds import endpoint_path

from .calls import Answer, Asked, Broken, Silent, read

AGENT = "coordinator"
_PATIENCE_SECONDS = 4.0
"""How long after the deadline a user still listens, so that a late answer is told from none."""

_CUT = (httpx2.TransportError, AttributeError)
"""The second is what anyio makes of a connection that is closed the moment it is made."""
_ENDED = Broken("the stream ended")
_TAKEN, _NO_SUCH_SESSION = 202, 404
_MODERN = "2026-07-28"
_MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": _MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Way(Protocol):
    """One user's way to the runtime; it carries one call at a time."""

    async def ask(self, asked: Asked) -> Answer:
        """Make a call."""

    async def close(self) -> None:
        """Leave nothing open."""


def way_of(number: int, client: httpx2.AsyncClient, user: str) -> Way:
    """The way of one user of many: half of them post as of 2025, the others come in both other ways."""
    ways = (Posting, Stateless, Posting, OverSse)
    return ways[number % len(ways)](client, user)


class _ByPost:
    """Each call is a POST."""

    def __init__(self, client: httpx2.AsyncClient, user: str) -> None:
        self._client, self._path = client, endpoint_path(AGENT, user)

    async def close(self) -> None:
        """Nothing is open between two calls but what the client keeps."""

    async def _post(self, message: Mapping[str, Any], seconds: float, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            reply = await self._client.post(self._path, json=message, headers=named, timeout=seconds)
        except httpx2.TimeoutException:
            return Silent()
        except _CUT as error:
            return _broken(error)
        return read(reply.status_code, reply.content)


class Posting(_ByPost):
    """Each call is a POST of 2025-11-25."""

    async def ask(self, asked: Asked) -> Answer:
        """Make a call."""
        return await self._post(_request(asked), _patience(asked), mcp_protocol_version="2025-11-25")

    async def take_back(self, asked: Asked) -> None:
        """Say that the answer is not wanted any more; where the runtime is away, the call is, too."""
        params = {"requestId": asked.marker}
        message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
        await self._post(message, _PATIENCE_SECONDS, mcp_protocol_version="2025-11-25")


class Stateless(_ByPost):
    """Each call is a POST of 2026-07-28; who takes one back hangs up."""

    async def ask(self, asked: Asked) -> Answer:
        """Make a call."""
        routing = {"mcp_method": "tools/call", "mcp_name": asked.tool}
        message = _request(asked, _meta=_MODERN_META)
        return await self._post(message, _patience(asked), mcp_protocol_version=_MODERN, **routing)


class OverSse:
    """All calls are said on one session of HTTP with SSE, and answered on its stream.

    None is taken back: no answer would tell that from a lost call.
    """

    def __init__(self, client: httpx2.AsyncClient, user: str) -> None:
        self._client = client
        self._door = endpoint_path(AGENT, user).removesuffix("mcp") + "sse"
        self._stream: httpx2.Response | None = None
        self._lines: AsyncIterator[str]
        self._path = ""

    async def ask(self, asked: Asked) -> Answer:
        """Make a call; the session goes on only after an answer."""
        answer: Answer = Silent()
        try:
            async with asyncio.timeout(_patience(asked)):
                answer = await self._answered(asked)
        except TimeoutError:
            answer = Silent()
        except _CUT as error:
            answer = _broken(error)
        finally:
            if isinstance(answer, Silent | Broken):
                await self.close()
        return answer

    async def close(self) -> None:
        """End the session."""
        if self._stream is not None:
            await self._stream.aclose()
        self._stream = None

    async def _answered(self, asked: Asked) -> Answer:
        refusal = await self._open() if self._stream is None else None
        if refusal:
            return refusal
        said = await self._client.post(self._path, json=_request(asked), timeout=None)
        if said.status_code == _NO_SUCH_SESSION:  # it went with its runtime, and took nothing of this call
            await self.close()
            return await self._answered(asked)
        if said.status_code != _TAKEN:
            return read(said.status_code, said.content)
        async for heard in self._lines:
            if json.loads(heard).get("id") == asked.marker:
                return read(_TAKEN, heard.encode())
        return _ENDED

    async def _open(self) -> Answer | None:
        """Open a session; why not, or nothing."""
        request = self._client.build_request("GET", self._door, timeout=None)
        stream = await self._client.send(request, stream=True)
        if not stream.is_success:
            await stream.aread()
            return read(stream.status_code, stream.content)
        self._stream, lines = stream, stream.aiter_lines()
        self._lines = (line.removeprefix("data: ") async for line in lines if line.startswith("data: "))
        self._path = await anext(self._lines, "")
        return None if self._path else _ENDED


def _patience(asked: Asked) -> float:
    return asked.deadline_seconds + _PATIENCE_SECONDS


def _request(asked: Asked, **params: object) -> Mapping[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": asked.marker,
        "method": "tools/call",
        "params": {"name": asked.tool, "arguments": asked.arguments, **params},
    }


def _broken(error: Exception) -> Broken:
    return Broken(f"{type(error).__name__}: {error}")
