"""Run a program that dies with its parent: `python guardian.py PARENT_PID PROGRAM ARGUMENT...`.

The kernel kills the program when the thread that started it ends (PR_SET_PDEATHSIG), so not even
`kill -9` of the parent leaves servers behind. It is run by its path, in isolated mode, and imports
nothing that is slow to load.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def guarded(command: Sequence[str | Path]) -> list[str]:
    """The command line that runs a command as a child that dies with this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *(str(part) for part in command)]


def main(arguments: Sequence[str]) -> None:
    """Become the program, tied to the parent's life."""
    parent, program = int(arguments[0]), list(arguments[1:])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"{program[0]}: the process that wanted it is gone")
    os.execvp(program[0], program)  # noqa: S606 - there is nothing for a shell to do


if __name__ == "__main__":
    main(sys.argv[1:])
