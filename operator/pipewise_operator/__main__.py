"""`pipewise-operator`: reads its arguments, ties the parts together and runs kopf in the main task."""

import argparse
import asyncio
import os
import random
import socket
import sys
from pathlib import Path

import kopf
from lightkube import KubeConfig

from pipewise_crds.profiles import profiles_from

from . import __version__, logs
from .announcing import Announcer
from .cluster import Cluster
from .connect import Pipedream, utc_now
from .doors import Doors
from .gauges import WorldCollector
from .handlers.registry import registry, settings
from .keepers import Keepers
from .metrics import Metrics
from .operation import Operation
from .publish import Publisher
from .reconcile import Outlets, Reconciler
from .world import World


def main() -> None:
    """Run the operator until SIGTERM or SIGINT."""
    arguments = _arguments()
    logs.configure(arguments.log_level)
    if arguments.kubeconfig:
        os.environ["KUBECONFIG"] = str(arguments.kubeconfig)
    # Kopf names itself by its user's name otherwise, and the user of a container need not have one.
    os.environ.setdefault("POD_ID", socket.gethostname())
    sys.exit(asyncio.run(_run(arguments)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pipewise-operator", description=__doc__)
    parser.add_argument(
        "--metrics", default="127.0.0.1:8731", help="where /metrics, /healthz and /readyz are served"
    )
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        help="a namespace to look after; repeatable; none means all",
    )
    parser.add_argument(
        "--profiles", type=Path, help="YAML file of profiles (agent: [services]); built in otherwise"
    )
    parser.add_argument(
        "--kubeconfig", type=Path, help="kubeconfig file; else KUBECONFIG, else the service account"
    )
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--version", action="version", version=__version__)
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> int:
    stop_flag = asyncio.Event()
    world = World(utc_now)
    config = KubeConfig.from_file(path) if (path := os.environ.get("KUBECONFIG")) else KubeConfig.from_env()
    doors = Doors(
        Cluster(config, tuple(arguments.namespace)),
        Pipedream(),
        world,
        Metrics(WorldCollector(world)),
        random.SystemRandom().random,
    )
    keepers = Keepers(doors)
    publisher = Publisher(doors.cluster, world, doors.metrics)
    outlets = Outlets(publisher, Announcer(doors.cluster, utc_now))
    reconciler = Reconciler(doors, keepers, outlets, profiles_from(arguments.profiles))
    operation = Operation(doors, keepers, reconciler, stop_flag.set)

    async def start() -> None:
        url = await operation.start(arguments.metrics)
        sys.stdout.write(f"pipewise-operator: metrics on {url}\n")
        sys.stdout.flush()

    async def stop() -> None:
        await operation.stop()
        stop_flag.set()  # kopf waits in vain for its own waiter of this flag otherwise, five seconds

    await kopf.operator(
        registry=registry(world, start, stop),
        settings=settings(clusterwide=not arguments.namespace),
        namespaces=arguments.namespace,
        clusterwide=not arguments.namespace,
        stop_flag=stop_flag,
    )
    return 1 if operation.failed else 0


if __name__ == "__main__":
    main()
