"""Listening: an address, its socket, and uvicorn serving one ASGI application on it, with or without TLS."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from .app import AdmissionApp, HealthApp

_KEEP_ALIVE_SECONDS = 120
"""Longer than the API server keeps idle connections (90 s), so that it and not we closes them."""
_DRAIN_SECONDS = 5


class Listener:
    """One application on HOST:PORT, from `start` to `stop`; port 0 takes a free one."""

    def __init__(
        self, app: AdmissionApp | HealthApp, address: str, tls: ssl.SSLContext | None = None
    ) -> None:
        host, _, port = address.rpartition(":")
        self._socket = _bound(host.strip("[]"), int(port))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{host}:{self._socket.getsockname()[1]}"
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
                ssl_context_factory=(lambda _config, _default: tls) if tls else None,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections from now on."""
        self._task = asyncio.create_task(self._server.serve([self._socket]), name=f"listen {self.url}")
        await self._server.accepting.wait()

    async def stop(self) -> None:
        """Accept no more, let requests in flight finish, then close."""
        self._server.should_exit = True
        if self._task:
            await self._task


class _Server(uvicorn.Server):
    """Leaves signals to the program, which has two servers to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the address is taken or not ours; the message names it.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listening
