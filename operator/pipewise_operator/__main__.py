"""`pipewise-operator`: ties the parts together and runs kopf in the main task."""

import asyncio
import os
import random
import sys

import kopf
import uvloop
from lightkube import ConfigError, KubeConfig

from pipewise_crds.profiles import profiles_from

from . import logs
from .announcing import Announcer
from .arguments import Arguments, arguments_of
from .children import Children
from .cluster import Cluster
from .connect import Pipedream, utc_now
from .desired.leadership import Candidate
from .doors import Doors
from .election import Election, Leadership
from .gauges import WorldCollector
from .handlers.registry import registry, settings
from .installation import installation_of
from .keepers import Keepers
from .metrics import Metrics
from .operation import Operation, Workers
from .publish import Publisher
from .reconcile import Outlets, Reconciler, Rules
from .world import World


def main() -> None:
    """Run the operator until SIGTERM or SIGINT."""
    arguments = arguments_of(sys.argv[1:])
    logs.configure(arguments.log_level)
    if arguments.kubeconfig:
        os.environ["KUBECONFIG"] = arguments.kubeconfig
    # Kopf names itself by its user's name otherwise, and the user of a container need not have one.
    os.environ.setdefault("POD_ID", arguments.name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_run(arguments)))


async def _run(arguments: Arguments) -> int:
    stop_flag = asyncio.Event()
    operation, world = _operation(arguments, stop_flag)

    async def start() -> None:
        url = await operation.start(arguments.metrics)
        sys.stdout.write(f"pipewise-operator: metrics on {url}\n")
        sys.stdout.flush()

    async def stop() -> None:
        await operation.stop()
        stop_flag.set()  # kopf waits in vain for its own waiter of this flag otherwise, five seconds

    await kopf.operator(
        registry=registry(world, start, stop),
        settings=settings(clusterwide=not arguments.namespaces),
        namespaces=arguments.namespaces,
        clusterwide=not arguments.namespaces,
        stop_flag=stop_flag,
    )
    return 1 if operation.failed else 0


def _operation(arguments: Arguments, stop_flag: asyncio.Event) -> tuple[Operation, World]:
    world = World(utc_now)
    path = arguments.kubeconfig
    config = (KubeConfig.from_file(path) if path else KubeConfig.from_env()).get()
    if config is None:
        raise ConfigError("the kubeconfig has no current context: name one, or give another --kubeconfig")
    leadership = Leadership(Candidate(arguments.name) if arguments.lease else None)
    doors = Doors(
        Cluster(config, arguments.namespaces, leadership.leads),
        Pipedream(),
        world,
        Metrics(WorldCollector(world, leadership.leads)),
        random.SystemRandom().random,
    )
    keepers = Keepers(doors)
    profiles, installation = profiles_from(arguments.profiles), installation_of(arguments)
    children = Children(doors.cluster, world, installation)
    publisher = Publisher(doors.cluster, world, doors.metrics)
    outlets = Outlets(publisher, Announcer(doors.cluster, utc_now), children)
    reconciler = Reconciler(doors, keepers, outlets, Rules(profiles, installation.bindings_per_shard))
    lease_namespace = arguments.lease_namespace or config.namespace
    election = Election(doors.cluster, leadership, lease_namespace, arguments.lease or "")
    return Operation(doors, Workers(keepers, reconciler, children), election, stop_flag.set), world


if __name__ == "__main__":
    main()
