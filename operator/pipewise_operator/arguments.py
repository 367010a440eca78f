"""The command line and environment of pipewise-operator."""

import argparse
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import __version__

_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the program was told."""

    metrics: str
    namespaces: tuple[str, ...]
    profiles: Path | None
    managed: Path | None
    owner: str
    """Name of the ValidatingAdmissionPolicy that owns what is made for runtimes; empty: nobody does."""
    kubeconfig: str | None
    log_level: str
    lease: str | None
    """Name of the Lease; None: no election."""
    lease_namespace: str | None
    """None: the namespace in which the API server is asked."""
    name: str
    """Who this process is, among the replicas of all times."""


def arguments_of(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Arguments:
    """Read the command line, with the environment for what it does not say.

    Raises:
        SystemExit: the command line is wrong, or help was asked for.
    """
    given = _parser(environment).parse_args(words)
    pod = environment.get("POD_NAME") or socket.gethostname().lower()
    return Arguments(
        metrics=given.metrics,
        namespaces=tuple(dict.fromkeys(given.namespace)),
        profiles=given.profiles,
        managed=given.managed,
        owner=given.owner,
        kubeconfig=str(given.kubeconfig) if given.kubeconfig else environment.get("KUBECONFIG") or None,
        log_level=given.log_level,
        lease=None if given.no_election else given.lease,
        lease_namespace=given.lease_namespace,
        # A restarted container is another one: what its predecessor left under way may still arrive.
        name=f"{pod}_{secrets.token_hex(4)}",
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pipewise-operator", description="Keep bindings' status true, projects' tokens fresh."
    )
    add = parser.add_argument
    add("--metrics", default="127.0.0.1:8731", help="where /metrics, /healthz and /readyz are served")
    add(
        "--namespace",
        action="append",
        default=[],
        help="a namespace to look after; repeatable; none means all",
    )
    add("--profiles", type=Path, help="YAML file of profiles (agent: [services]); built in otherwise")
    add("--managed", type=Path, help="YAML file: how runtimes of managed bindings are made")
    add(
        "--owner",
        default="",
        help="ValidatingAdmissionPolicy with which all that is made for runtimes goes; none: it stays",
    )
    add("--kubeconfig", type=Path, help="kubeconfig file; else KUBECONFIG, else the service account")
    add("--log-level", default="info", choices=_LEVELS)
    add("--version", action="version", version=__version__)
    election = parser.add_argument_group("one of several replicas leads, and acts")
    election.add_argument(
        "--lease-namespace",
        default=environment.get("POD_NAMESPACE") or None,
        help="where its Lease is [POD_NAMESPACE, else that of the kubeconfig's context]",
    )
    election.add_argument("--lease", default="pipewise-operator", help="name of the Lease")
    election.add_argument(
        "--no-election", action="store_true", help="for one process only: act at once, and keep no Lease"
    )
    return parser
