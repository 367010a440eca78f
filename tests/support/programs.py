"""Our programs as real processes: started, waited for, ended, killed and started again, with their logs."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from coverage import Coverage

from pipewise_cli.controlplane import guarded

from .eventually import eventually_sync

_ROOT = Path(__file__).parents[2]
_SOURCES = os.pathsep.join(str(_ROOT / folder) for folder in ("crds", "operator", "runtime"))
_STOP_WITHIN_SECONDS = 10.0

MEASURED: Mapping[str, str] = (
    {"COVERAGE_PROCESS_START": str(_ROOT / "pyproject.toml")} if Coverage.current() else {}
)
"""The environment of a program of which `make coverage` is to see what it reaches; others are not slowed."""


class Program:
    """One of our programs, run as `python -m MODULE`; a context manager.

    It dies with the test run. Its environment is the test run's own without anything of Pipedream or
    Kubernetes in it, plus what is given.

    Args:
        module: the module to run, such as "pipewise_sandbox".
        arguments: its command line.
        folder: where its logs go, such as tmp_path.
        environment: further environment variables.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = guarded([sys.executable, "-m", module, *arguments])
        kept = {name: value for name, value in os.environ.items() if not _is_ambient(name)}
        self._environment = {**kept, "PYTHONPATH": _SOURCES, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.stdout_path = folder / f"{module}.stdout.log"
        self.stderr_path = folder / f"{module}.stderr.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._stdout_begin = 0

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it if it still runs."""
        if self.is_running:
            self.terminate()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._started().pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._started().poll()

    @property
    def stdout(self) -> str:
        """What it has written to stdout since its last start."""
        with self.stdout_path.open("rb") as log:
            log.seek(self._stdout_begin)
            return log.read().decode(errors="replace")

    @property
    def log(self) -> str:
        """What it has written to stderr, over all its starts."""
        return self.stderr_path.read_text(errors="replace")

    def start(self) -> None:
        """Start it; logs are added to those of earlier starts."""
        with _appending(self.stdout_path) as out, _appending(self.stderr_path) as err:
            self._stdout_begin = self.stdout_path.stat().st_size
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self._environment
            )

    def wait_for_line(self, pattern: str, within: float = 10.0) -> re.Match[str]:
        """Wait until stdout has a line with the pattern; if it ends before, the logs are shown."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.stdout, re.MULTILINE)
            if match is None and not self.is_running:
                raise ProgramEndedError(
                    f"ended with {self.returncode} before writing {pattern!r}:\n{self._logs()}"
                )
            return match

        try:
            match = eventually_sync(found, within)
        except ProgramEndedError as error:
            raise AssertionError(str(error)) from error
        except AssertionError as error:
            raise AssertionError(f"no line {pattern!r} within {within} s:\n{self._logs()}") from error
        if match is None:
            raise AssertionError(pattern)
        return match

    def url(self, subject: str = "listening", within: float = 10.0) -> str:
        """Wait for the line `… SUBJECT on http://HOST:PORT` and return the URL."""
        return self.wait_for_line(rf"{re.escape(subject)} on (https?://\S+)", within)[1]

    def terminate(self, within: float = _STOP_WITHIN_SECONDS) -> int:
        """Send SIGTERM and wait; the return code. A program that does not end in time fails the test."""
        child = self._started()
        child.send_signal(signal.SIGTERM)
        try:
            return child.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {within} s of SIGTERM:\n{self._logs()}") from None

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        child = self._started()
        child.kill()
        child.wait()

    def restart(self) -> None:
        """Kill it if it runs, and start it again with the same command line."""
        if self.is_running:
            self.kill()
        self.start()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise AssertionError("the program was not started")
        return self._child

    def _logs(self) -> str:
        return f"stdout:\n{self.stdout}\nstderr:\n{self.log[-8000:]}"


class ProgramEndedError(Exception):
    """A program ended although it was wanted."""


def _appending(path: Path) -> IO[bytes]:
    return path.open("ab")


def _is_ambient(name: str) -> bool:
    return name.startswith(("PIPEDREAM_", "PIPEWISE_", "POD_", "KUBERNETES_")) or name == "KUBECONFIG"
