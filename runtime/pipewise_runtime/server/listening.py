"""Listening: an address, its sockets, and uvicorn serving one ASGI application on them."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import uvicorn

from .asgi import App

_KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep idle connections, so that they and not we close them."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read HOST:PORT, with IPv6 hosts in brackets.

        Raises:
            ValueError: the text is not of that form.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - TCP's limit
            raise ValueError(f'"{text}" is not HOST:PORT, such as 127.0.0.1:8720 or [::1]:0')
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine (or pod) can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self) -> str:
        """The address as the base of URLs."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


class Listener:
    """One application on one address, from `start` to `stop`."""

    def __init__(self, app: App, address: Address, *, drain_seconds: float) -> None:
        self._socket = _bound(address)
        self.address = Address(address.host, self._socket.getsockname()[1])
        """Where it listens; with the real port when 0 was asked for."""
        self._server = _Server(_config(app, drain_seconds))
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections from now on."""
        self._task = asyncio.create_task(
            self._server.serve([self._socket]), name=f"listen {self.address.url()}"
        )
        await self._server.accepting.wait()

    async def stop(self) -> None:
        """Accept no more, let requests in flight finish for the drain time, then close."""
        self._server.should_exit = True
        if self._task:
            await self._task


class _Server(uvicorn.Server):
    """Leaves signals to the program, which has more than one server to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


def _config(app: App, drain_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
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
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )


def _bound(address: Address) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the address is taken or not ours; the message names it.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {address.url()}: {error.strerror}") from error
    return listening
