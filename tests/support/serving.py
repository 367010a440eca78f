"""The runtime's agents' server on a free port, inside the test's own event loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipewise_crds import endpoint_path
from pipewise_runtime.ports import Calls
from pipewise_runtime.server.agents import AgentsApp
from pipewise_runtime.server.listening import Address, Listener


@asynccontextmanager
async def served(calls: Calls) -> AsyncIterator[str]:
    """Serve a call path on loopback; yields the base URL."""
    app = AgentsApp(calls, is_loopback=True)
    listener = Listener(app, Address("127.0.0.1", 0), drain_seconds=1)
    await listener.start()
    try:
        yield listener.address.url()
    finally:
        await listener.stop()


def url_of(base: str, agent: str = "coordinator", user: str = "user-42") -> str:
    """The URL an agent's client uses."""
    return base + endpoint_path(agent, user)
