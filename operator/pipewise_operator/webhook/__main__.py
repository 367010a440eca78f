"""`pipewise-webhook`: ties the parts together and runs until told to stop."""

import argparse
import asyncio
import os
import signal
import sys
from datetime import UTC, datetime

import structlog
from lightkube import ConfigError, KubeConfig

from pipewise_operator import logs

from .app import AdmissionApp, HealthApp, Question
from .arguments import arguments_of
from .certificates.keeping import Keeper, MountedFiles, OwnAuthority, Place, Source
from .certificates.rotation import Policy
from .certificates.serving import ServingTLS
from .cluster import Cluster
from .configuration import ConfigurationError, configuration
from .listening import Listener
from .metrics import Metrics
from .questions import BindingQuestion, PodQuestion

log = structlog.get_logger()


def main() -> None:
    """Run the webhook; problems of its surroundings are told in one line."""
    arguments = arguments_of(sys.argv[1:])
    logs.configure(arguments.log_level)
    try:
        asyncio.run(_run(arguments))
    except (ConfigurationError, ConfigError, OSError) as error:
        sys.stderr.write(f"pipewise-webhook: {error}\n")
        sys.exit(2)


async def _run(arguments: argparse.Namespace) -> None:
    settings, catalogue = configuration(arguments.config, arguments.profiles)
    cluster = Cluster(_kubeconfig(arguments))
    metrics, tls = Metrics(), ServingTLS()
    questions: dict[str, Question] = {
        "/mutate-pods": PodQuestion(settings),
        "/validate-bindings": BindingQuestion(catalogue, cluster.bindings),
    }
    told_to_stop = asyncio.Event()
    admission = Listener(AdmissionApp(questions, metrics), arguments.listen, tls.context)
    health = Listener(HealthApp(metrics, lambda: _unready(tls, told_to_stop)), arguments.metrics)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    await health.start()
    await admission.start()
    sys.stdout.write(f"pipewise-webhook: listening on {admission.url}\n")
    sys.stdout.write(f"pipewise-webhook: metrics on {health.url}\n")
    sys.stdout.flush()
    keeping = asyncio.create_task(
        Keeper(_source(arguments, cluster), tls, metrics).run(), name="certificates"
    )
    stopping = asyncio.create_task(told_to_stop.wait(), name="wait for a signal")
    await asyncio.wait((keeping, stopping), return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    stopping.cancel()
    keeping.cancel()
    await asyncio.wait((keeping, stopping))
    await admission.stop()
    await health.stop()
    await cluster.close()
    if not keeping.cancelled():
        keeping.result()


def _kubeconfig(arguments: argparse.Namespace) -> KubeConfig:
    path = arguments.kubeconfig or os.environ.get("KUBECONFIG")
    return KubeConfig.from_file(path) if path else KubeConfig.from_env()


def _source(arguments: argparse.Namespace, cluster: Cluster) -> Source:
    if arguments.certificates:
        return MountedFiles(arguments.certificates)
    policy = Policy(
        tuple(arguments.host),
        arguments.authority_lifetime,
        arguments.certificate_lifetime,
        arguments.overlap,
    )
    place = Place(arguments.namespace, arguments.certificate_secret, arguments.configuration)
    return OwnAuthority(cluster, place, policy, lambda: datetime.now(UTC))


def _unready(tls: ServingTLS, told_to_stop: asyncio.Event) -> str:
    if told_to_stop.is_set():
        return "stopping: the program was told to"
    return "" if tls.is_loaded else "no certificate yet that the API server trusts; the log says why"


if __name__ == "__main__":
    main()
