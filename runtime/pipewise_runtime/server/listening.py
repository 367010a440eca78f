"""Listening: an address, and one ASGI application served on it."""

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from .asgi import App
from .ending import ending
from .http.serving import IDLE_SECONDS, Server


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

    def __init__(
        self, app: App, address: Address, *, drain_seconds: float, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._socket = _bound(address)
        self.address = Address(address.host, self._socket.getsockname()[1])
        """Where it listens; with the real port when 0 was asked for."""
        self._server = Server(app, idle_seconds)
        self._drain_seconds = drain_seconds

    async def start(self) -> None:
        """Accept connections from now on."""
        await self._server.start(self._socket)

    async def stop(self, cut_short: Callable[[], None] = lambda: None) -> None:
        """Refuse what comes, let requests in flight finish for the drain time, then close.

        Args:
            cut_short: called at the end of that time, to have answered what is in flight still.
        """
        await self._server.stop(self._drain_seconds, ending, cut_short)


def _bound(address: Address) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the address is taken or not ours; the message names it.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {address.url()}: {error.strerror}") from error
    return listening
