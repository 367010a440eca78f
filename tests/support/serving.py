"""The runtime's agents' server on a free port, inside the test's own event loop.

Its fixtures serve a call path in memory; `tests/conftest.py` gives them to all tests.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from pipewise_crds import endpoint_path
from pipewise_runtime.ports import Calls
from pipewise_runtime.server.agents import AgentsApp
from pipewise_runtime.server.listening import Address, Listener
from pipewise_runtime.server.subscribing import PING_SECONDS
from support.memory_calls import MemoryCalls

PATH = endpoint_path("coordinator", "user-42")


@asynccontextmanager
async def served(
    calls: Calls,
    ping_seconds: float = PING_SECONDS,
    drain_seconds: float = 1,
    cut_short: Callable[[], None] = lambda: None,
) -> AsyncIterator[str]:
    """Serve a call path on loopback, and stop as the program does; yields the base URL."""
    app = AgentsApp(calls, is_loopback=True, ping_seconds=ping_seconds)
    listener = Listener(app, Address("127.0.0.1", 0), drain_seconds=drain_seconds)
    await listener.start()
    try:
        yield listener.address.url()
    finally:
        app.close()
        await listener.stop(cut_short)


@pytest.fixture
def calls() -> MemoryCalls:
    """What the coordinator may call for two users, one of whom has an odd name."""
    return MemoryCalls(("coordinator", "user-42"), ("coordinator", "ana@example.com"))


@pytest.fixture
async def base(calls: MemoryCalls) -> AsyncIterator[str]:
    """The base URL of a server of these calls."""
    async with served(calls) as url:
        yield url


@pytest.fixture
async def http(base: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of that server."""
    async with httpx2.AsyncClient(base_url=base, timeout=5) as client:
        yield client


def url_of(base: str, agent: str = "coordinator", user: str = "user-42") -> str:
    """The URL an agent's client uses."""
    return base + endpoint_path(agent, user)


def rpc(method: str, params: Any = None, id: Any = 1) -> dict[str, Any]:  # noqa: A002, ANN401 - JSON-RPC
    """A JSON-RPC request."""
    message = {"jsonrpc": "2.0", "id": id, "method": method}
    return message if params is None else {**message, "params": params}


def call(name: str, id: Any = 1, **arguments: Any) -> dict[str, Any]:  # noqa: A002, ANN401 - JSON-RPC
    """A request of tools/call."""
    return rpc("tools/call", {"name": name, "arguments": arguments}, id)


async def post(http: httpx2.AsyncClient, message: Any, **headers: str) -> httpx2.Response:  # noqa: ANN401 - JSON
    """Post a message as the coordinator of user-42."""
    return await http.post(PATH, json=message, headers=headers)
