"""The command ``pipewise-sandbox``: serve the sandbox on a loopback port."""

import argparse
import asyncio
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from pipewise_sandbox.admin_bodies import Seed
from pipewise_sandbox.application import Application
from pipewise_sandbox.wire import CuttableProtocol


def server(seed: Seed, log_level: str = "warning") -> uvicorn.Server:
    """A server of a new sandbox, yet to be given its socket."""
    config = uvicorn.Config(
        Application(seed),
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        log_level=log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    return uvicorn.Server(config)


def listening(address: str) -> socket.socket:
    """A socket that listens on ``host:port``; port 0 takes a free one."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is spelled out; without it replies wait for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host.strip("[]"), int(port)))
        bound.listen(1024)
    except BaseException:
        bound.close()
        raise
    return bound


def url(bound: socket.socket) -> str:
    """The base URL of a listening socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status."""
    parser = argparse.ArgumentParser(prog="pipewise-sandbox", description="A faithful local Pipedream.")
    parser.add_argument("--listen", default="127.0.0.1:8790", metavar="HOST:PORT", help="default %(default)s")
    parser.add_argument(
        "--seed", type=Path, metavar="FILE.json", help="projects, accounts and settings to start with"
    )
    given = parser.parse_args(arguments)
    try:
        seed = Seed.model_validate_json(given.seed.read_bytes()) if given.seed else Seed()
        bound = listening(given.listen)
    except (OSError, ValidationError, ValueError) as error:
        sys.stderr.write(f"pipewise-sandbox: {error}\n")
        return 2
    sys.stdout.write(f"pipewise-sandbox: listening on {url(bound)}\n")
    sys.stdout.flush()
    asyncio.run(server(seed).serve(sockets=[bound]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
