"""The demo's programs as users run them: processes with a log each, which end with the demo."""

import os
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipewise_cli.controlplane.process import Process

_TIMEOUT_SECONDS = 1.0
_AMBIENT = ("PIPEDREAM_", "PIPEWISE_", "POD_", "KUBERNETES_", "SUPABASE_", "OPENAI_", "KUBECONFIG")
_LOOPBACK = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True)
class Program:
    """A running program and where to ask how it is.

    Attributes:
        name: what people call it.
        process: the process; it can be killed and started again.
        url: where it answers /readyz and /metrics, or the URL of its only port.
    """

    name: str
    process: Process
    url: str

    @property
    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        return answers(f"{self.url}/readyz")


def python_program(
    module: str, arguments: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Process:
    """One of our programs, by its module; it sees nothing of a Pipedream or cluster this shell may know."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    return Process(command, log, {**clean_environment(), "PYTHONUNBUFFERED": "1", **(environment or {})})


def clean_environment() -> Mapping[str, str]:
    """This shell's environment without what could lead a program elsewhere, and with loopback unproxied."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_AMBIENT)}
    return {**kept, "NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK}


def answers(url: str) -> bool:
    """Whether a loopback URL answers with success."""
    try:
        with _OPENER.open(url, timeout=_TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


def text_of(url: str) -> str:
    """The body at a loopback URL.

    Raises:
        OSError: there is no answer, or an error.
    """
    with _OPENER.open(url, timeout=_TIMEOUT_SECONDS) as reply:
        body: bytes = reply.read()
        return body.decode()


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
