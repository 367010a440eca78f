"""One program as a child process: its log, its start and its end. Used for the control plane and the demo."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .guardian import guarded
from .interrupts import uninterrupted

_TAIL_LINES = 15


class Process:
    """A child process that logs to a file and dies with its parent.

    The thread that calls `start` must live as long as the program is wanted.

    Args:
        command: the program and its arguments.
        log: where its output goes.
        environment: all its environment variables; this process's own when omitted.
    """

    def __init__(
        self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.command = tuple(command)
        self.log = log
        self._environment = environment
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The program's name."""
        return Path(self.command[0]).name

    @property
    def pid(self) -> int:
        """Its process id; it must have been started."""
        if self._child is None:
            raise ValueError(f"{self.name} was not started")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the program was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start the program; its output is added to the log."""
        with self.log.open("ab") as log, uninterrupted():
            self._child = subprocess.Popen(  # noqa: S603 - the command is ours
                guarded(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Ask the program to end, and end it when it does not within the grace time."""
        if self._child is None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program at once, as a crash would."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def log_tail(self) -> str:
        """The last lines of the log, for error messages."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])
