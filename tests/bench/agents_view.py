"""The same call as an agent sees it: through the MCP client of the OpenAI Agents SDK."""

import asyncio
import statistics
import time

from agents.mcp import MCPServerStreamableHttp
from mcp.shared.exceptions import MCPError

from .fixtures import CALLED

_WARM_CALLS = 10


class CallFailedError(Exception):
    """A call was answered with an error."""


def median_call_ms(url: str, seconds: float) -> float:
    """The median time of a call, over so many seconds and at least ten calls.

    Raises:
        CallFailedError: a call was answered with an error.
    """
    try:
        return asyncio.run(_median_call_ms(url, seconds))
    except MCPError as error:
        raise CallFailedError(str(error)) from error


async def _median_call_ms(url: str, seconds: float) -> float:
    server = MCPServerStreamableHttp({"url": url, "timeout": 30}, client_session_timeout_seconds=30)
    async with server:
        for _ in range(_WARM_CALLS):
            await server.call_tool(CALLED, {"field0": "value"})
        taken: list[float] = []
        stop = time.perf_counter() + seconds
        while (began := time.perf_counter()) < stop or len(taken) < _WARM_CALLS:
            await server.call_tool(CALLED, {"field0": "value"})
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3
