"""Programs under measurement: each on the core it was given, with its use of processor and memory."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pipewise_cli.controlplane import guarded
from support.usage import usage

_STOP_WITHIN_SECONDS = 10.0


class BenchError(Exception):
    """Something that was to be measured could not be; the message says what and why."""


class Cores:
    """Two cores: one for the program under measurement, one for the load, the stub and this program."""

    def __init__(self) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchError("the bench needs two cores: one for a peer, one for what puts load on it")
        self.peer, self.load = cores[0], cores[1]
        os.sched_setaffinity(0, {self.load})


class Process:
    """A program on one core, which dies with us. A context manager.

    Args:
        command: what to run.
        core: where.
        log: the file its output goes to.
        environment: further environment variables.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        core: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # inherited by what is started
        try:
            with log.open("wb") as output:
                self._child = subprocess.Popen(
                    guarded(command),
                    stdout=subprocess.PIPE,
                    stderr=output,
                    env={**os.environ, **(environment or {})},
                )
        finally:
            os.sched_setaffinity(0, own)
        self._log = log

    def __enter__(self) -> Self:
        """It was started on creation."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it."""
        self._child.terminate()
        try:
            self._child.wait(_STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()

    def line(self) -> str:
        """The next line of its output.

        Raises:
            BenchError: it ended instead.
        """
        line = self._child.stdout.readline().decode() if self._child.stdout else ""
        if not line:
            self._child.wait(_STOP_WITHIN_SECONDS)
            self.check()
        return line.strip()

    def check(self) -> None:
        """Find out that it still runs.

        Raises:
            BenchError: it has ended.
        """
        if (code := self._child.poll()) is not None:
            told = self._log.read_text(errors="replace")[-2000:]
            raise BenchError(f"{self._log.stem} ended with exit code {code}:\n{told}")

    def cpu_seconds(self) -> float:
        """Processor time used so far, in user and kernel mode, by all its threads."""
        return usage(self._child.pid).cpu_seconds

    def resident_kilobytes(self) -> int:
        """Memory it holds."""
        return round(usage(self._child.pid).resident_mb * 1024)
