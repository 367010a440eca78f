"""Small ASGI servers for tests, on a real socket inside the test's own event loop."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipewise_runtime.server.listening import Address, Listener


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:  # noqa: ANN401 - any ASGI application
    """Serve an ASGI application on loopback, on a free port; yields the base URL."""
    listener = Listener(app, Address("127.0.0.1", 0), drain_seconds=1)
    await listener.start()
    try:
        yield listener.address.url()
    finally:
        await listener.stop()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
