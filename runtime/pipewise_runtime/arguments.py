"""The command line and environment of pipewise-runtime."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .admitting import MOST_IN_FLIGHT
from .permitting import AUDIENCE
from .server.listening import Address

DRAIN_SECONDS, END_SECONDS = 23, 2
"""What it takes to end; with a managed pod's 4 s of `preStop` less than the 30 s that Kubernetes gives."""

_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the program was told."""

    listen: Address
    metrics: Address
    namespace: str | None
    name: str
    agents: frozenset[str]
    placement: Literal["Sidecar", "Managed"]
    shard: int | None
    authenticate: bool
    audience: str
    profiles: Path | None
    kubeconfig: Path | None
    bindings: Path | None
    max_in_flight_per_service: int
    drain_seconds: int
    log_level: str
    pod_uid: str


def arguments_of(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Arguments:
    """Read the command line, with the environment for what it does not say.

    Raises:
        SystemExit: the command line is wrong, or help was asked for.
    """
    parser = _parser(environment)
    given = parser.parse_args(words)
    if given.kubeconfig and given.bindings:
        parser.error("give --kubeconfig or --bindings, not both")
    if given.authenticate and given.bindings:
        parser.error("--authenticate asks the API server, which --bindings does without: leave one out")
    if given.placement == "Managed" and not given.authenticate and not given.listen.is_loopback:
        parser.error(
            f"--placement Managed on {given.listen.host} without --authenticate would let any pod act "
            "for any user: add --authenticate, or listen on 127.0.0.1"
        )
    return Arguments(
        listen=given.listen,
        metrics=given.metrics,
        namespace=given.namespace,
        name=given.name,
        agents=frozenset(agent.strip() for agent in given.agents.split(",") if agent.strip()),
        placement=given.placement,
        shard=given.shard,
        authenticate=given.authenticate,
        audience=given.audience,
        profiles=given.profiles,
        kubeconfig=given.kubeconfig,
        bindings=given.bindings,
        max_in_flight_per_service=given.max_in_flight_per_service,
        drain_seconds=given.drain_seconds,
        log_level=given.log_level,
        pod_uid=environment.get("POD_UID", ""),
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pipewise-runtime",
        description="Hold an agent's MCP connections to Pipedream and answer its calls.",
    )
    add = parser.add_argument
    add(
        "--listen",
        type=_address,
        default="127.0.0.1:8720",
        metavar="HOST:PORT",
        help="where agents are served",
    )
    add("--metrics", type=_address, default="127.0.0.1:8721", metavar="HOST:PORT", help="health and metrics")
    add("--namespace", default=environment.get("POD_NAMESPACE"), help="namespace to serve [POD_NAMESPACE]")
    add(
        "--name",
        default=environment.get("POD_NAME") or socket.gethostname().lower(),
        help="name of this runtime's MCPRuntime [POD_NAME, else the host's name]",
    )
    add(
        "--agents",
        default=environment.get("PIPEWISE_AGENTS", ""),
        metavar="A,B",
        help="agents to serve; all if empty [PIPEWISE_AGENTS]",
    )
    add("--placement", choices=("Sidecar", "Managed"), default="Sidecar", help="which bindings to serve")
    add("--shard", type=int, help="serve only the bindings that the operator gave this number; all without")
    add(
        "--authenticate",
        action="store_true",
        help="serve only those who show a ServiceAccount token and may `use` the binding",
    )
    add("--audience", default=AUDIENCE, help=f"whom those tokens are issued for [{AUDIENCE}]")
    add(
        "--profiles",
        type=_file,
        default=environment.get("PIPEWISE_PROFILES") or None,
        metavar="FILE",
        help="services of agents whose bindings name none [PIPEWISE_PROFILES]",
    )
    add("--kubeconfig", type=_file, metavar="FILE", help="how to reach Kubernetes from outside [KUBECONFIG]")
    add("--bindings", type=_folder, metavar="DIR", help="read bindings from YAML files, without Kubernetes")
    add(
        "--max-in-flight-per-service",
        type=_positive,
        default=MOST_IN_FLIGHT,
        metavar="N",
        help=f"calls of one user at one service under way at once; others wait in line [{MOST_IN_FLIGHT}]",
    )
    add(
        "--drain-seconds",
        type=_positive,
        default=DRAIN_SECONDS,
        metavar="N",
        help="how long calls under way may take to finish once told to stop; what takes longer is answered "
        f"with what is known of it, and {END_SECONDS} s later the program ends [{DRAIN_SECONDS}]",
    )
    add("--log-level", choices=_LEVELS, default="info")
    return parser


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is not a file")
    return path


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path
