"""The command line of pipewise-webhook."""

import argparse
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from pipewise_crds.durations import parse
from pipewise_operator import __version__


def arguments_of(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> argparse.Namespace:
    """Read the command line.

    Raises:
        SystemExit: it is wrong, or help was asked for.
    """
    parser = argparse.ArgumentParser(
        prog="pipewise-webhook", description="Give pods their sidecars, and check bindings before they are."
    )
    add = parser.add_argument
    add("--config", type=Path, required=True, help="YAML file of the sidecar's settings and the known apps")
    add("--profiles", type=Path, help="YAML file of profiles (agent: [services]); built in otherwise")
    add("--listen", default="127.0.0.1:8740", help="where the API server asks, with TLS")
    add("--metrics", default="127.0.0.1:8741", help="where /metrics, /healthz and /readyz are served")
    add("--kubeconfig", type=Path, help="kubeconfig file; else KUBECONFIG, else the service account")
    add("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    add("--version", action="version", version=__version__)
    files = parser.add_argument_group("certificates that somebody else keeps")
    files.add_argument(
        "--certificates", type=Path, help="folder of tls.crt and tls.key, read again on change"
    )
    own = parser.add_argument_group("certificates of our own, unless --certificates is given")
    own.add_argument("--host", action="append", default=[], help="name or address to certify; repeatable")
    own.add_argument("--certificate-secret", default="pipewise-webhook", help="Secret that keeps them")
    own.add_argument(
        "--namespace", default=environment.get("POD_NAMESPACE"), help="the Secret's namespace [POD_NAMESPACE]"
    )
    own.add_argument(
        "--configuration", default="pipewise-mcp", help="name of both webhook configurations, to trust us"
    )
    own.add_argument("--authority-lifetime", type=_duration, default="8760h", help="such as 8760h")
    own.add_argument("--certificate-lifetime", type=_duration, default="720h", help="such as 720h")
    own.add_argument(
        "--overlap", type=_duration, default="10m", help="from a change until all API servers know of it"
    )
    given = parser.parse_args(words)
    if not given.certificates and not (given.host and given.namespace):
        parser.error("give --certificates, or --host and --namespace")
    if given.certificate_lifetime < 4 * given.overlap:
        parser.error("--certificate-lifetime must be at least four times --overlap")
    return given


def _duration(text: str) -> timedelta:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
