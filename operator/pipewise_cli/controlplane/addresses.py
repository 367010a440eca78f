"""Free loopback ports for the programs of the control plane."""

import random
import socket
from collections.abc import Sequence

LOOPBACK = "127.0.0.1"

_PORTS = range(20_000, 32_000)
"""Below the range from which the kernel takes the ports of outgoing connections, so that a restarted
server finds its port still free."""

_TRIES = 200


def free_ports(count: int) -> Sequence[int]:
    """Different loopback ports that nobody listens on now.

    Raises:
        OSError: no free port was found.
    """
    free: list[int] = []
    for port in random.sample(_PORTS, _TRIES):
        if _is_free(port):
            free.append(port)
        if len(free) == count:
            return free
    raise OSError(f"found no {count} free ports on {LOOPBACK} from {_PORTS.start} to {_PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
