"""Prometheus and promtool, from PATH or unpacked once from Debian's package into the cache, without root."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal


class ToolMissingError(RuntimeError):
    """A program is neither here nor can it be installed; the message says what would help."""


def tools_cache() -> Path:
    """The folder for programs that are costly to get and the same for every checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "pipewise-mcp" / "tools"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def find_prometheus(name: Literal["prometheus", "promtool"], say: Callable[[str], None]) -> Path:
    """The path of a program of Debian's package prometheus.

    Raises:
        ToolMissingError: it is not on PATH, and the package cannot be had.
    """
    if found := shutil.which(name):
        return Path(found)
    unpacked = tools_cache() / "prometheus-debian"
    with tool_lock("prometheus"):
        if not unpacked.exists():
            if shutil.which("apt-get") is None:
                raise ToolMissingError(f"{name} is not on PATH, nor is apt-get to fetch it: install {name}")
            say(f"unpacking Debian's package prometheus into {unpacked}")
            with tempfile.TemporaryDirectory(dir=tools_cache()) as folder:
                _run(["apt-get", "download", "-q", "prometheus"], Path(folder))
                (package,) = Path(folder).glob("prometheus_*.deb")
                _run(["dpkg-deb", "-x", str(package), f"{folder}/root"], Path(folder))
                (Path(folder) / "root").rename(unpacked)
    return unpacked / "usr" / "bin" / name


@contextmanager
def tool_lock(name: str) -> Iterator[None]:
    """Let one process at a time install a tool."""
    with (tools_cache() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - the command is ours
    if done.returncode:
        raise ToolMissingError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")
