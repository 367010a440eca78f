"""`pipewise` as a person runs it: a process with a temporary folder of its own, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .eventually import eventually_sync

_ENDS_WITHIN_SECONDS = 60.0


class Command:
    """A running `pipewise`, in a session of its own.

    Args:
        words: its command line.
        folder: where its temporary files and output go.
        environment: further environment variables.
        read_lines: how many lines of its output to read before leaving; by default it goes to a file.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        read_lines: int | None = None,
    ) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        ambient = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipewise_cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=out if read_lines is None else subprocess.PIPE,
                stderr=err,
                env={**ambient, "TMPDIR": str(self.temporary), **(environment or {})},
                start_new_session=True,
            )

        if self.process.stdout is not None:
            for _ in range(read_lines or 0):
                self.process.stdout.readline()
            self.process.stdout.close()

    @property
    def stdout(self) -> str:
        """What it has written to stdout."""
        return self._stdout.read_text()

    @property
    def stderr(self) -> str:
        """What it has written to stderr."""
        return self._stderr.read_text()

    def wait_for(self, pattern: str, within: float) -> None:
        """Wait until a line of its output has the pattern."""

        def written() -> bool:
            assert self.process.poll() is None, self.stderr
            return bool(re.search(pattern, self.stdout + self.stderr, re.MULTILINE))

        eventually_sync(written, within)

    def end(self, number: signal.Signals, within: float = _ENDS_WITHIN_SECONDS) -> int:
        """Send it a signal, as a terminal would, and wait; the return code."""
        self.process.send_signal(number)
        return self.process.wait(within)

    def processes(self) -> Mapping[int, str]:
        """By process id, the command lines of all that it or its children started and that still run."""
        mark = f"TMPDIR={self.temporary}\0".encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(process.name)] = words
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def kill(self, program: str) -> None:
        """Kill one of the processes it started, by a part of its command line."""
        (pid,) = [pid for pid, words in self.processes().items() if program in words]
        os.kill(pid, signal.SIGKILL)

    def left(self) -> Sequence[str]:
        """What is still there of it: processes and temporary files."""
        return [*self.processes().values(), *(path.name for path in self.temporary.iterdir())]
