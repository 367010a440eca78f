"""The checkers that judge what we ship: helm, kubeconform, promtool and prometheus, in the versions we pin.

They are found in the cache (`$XDG_CACHE_HOME/pipewise-mcp/tools`, else `~/.cache/...`) or put there once,
under a lock, from the package registries: Go programs by `go install`, Prometheus from the Debian archive.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class ToolMissingError(RuntimeError):
    """A checker is neither here nor can it be installed; the message says what would help."""


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program installed from a Go module.

    Attributes:
        name: The program's name.
        package: The Go package of its main function.
        version: The module's version.
    """

    name: str
    package: str
    version: str


HELM = GoTool("helm", "helm.sh/helm/v3/cmd/helm", "v3.22.0")
KUBECONFORM = GoTool("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0")


def helm() -> Path:
    """The path of helm; built on first use (about 90 s on two cores)."""
    return _go_tool(HELM)


def kubeconform() -> Path:
    """The path of kubeconform; built on first use (a few seconds)."""
    return _go_tool(KUBECONFORM)


def promtool() -> Path:
    """The path of promtool, from PATH or from Debian's package prometheus."""
    return _debian_tool("promtool")


def prometheus() -> Path:
    """The path of the Prometheus server, from PATH or from Debian's package prometheus."""
    return _debian_tool("prometheus")


def cache() -> Path:
    """The folder for things that are costly to get and the same for every checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "pipewise-mcp" / "tools"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _go_tool(tool: GoTool) -> Path:
    path = cache() / f"{tool.name}-{tool.version}" / tool.name
    with _lock(tool.name):
        if not path.exists():
            _need("go", f"install Go, or put {tool.name} {tool.version} at {path}")
            _say(f"building {tool.name} {tool.version} into {path.parent}")
            with tempfile.TemporaryDirectory(dir=cache()) as folder:
                command = ["go", "install", "-ldflags", "-s -w", f"{tool.package}@{tool.version}"]
                _run(command, environment={"GOBIN": folder})
                path.parent.mkdir(exist_ok=True)
                (Path(folder) / tool.name).rename(path)
    return path


def _debian_tool(name: str) -> Path:
    if found := shutil.which(name):
        return Path(found)
    unpacked = cache() / "prometheus-debian"
    with _lock("prometheus"):
        if not unpacked.exists():
            _need("apt-get", f"install {name} on PATH")
            _say(f"unpacking Debian's prometheus into {unpacked}")
            with tempfile.TemporaryDirectory(dir=cache()) as folder:
                _run(["apt-get", "download", "-q", "prometheus"], folder=Path(folder))
                (package,) = Path(folder).glob("prometheus_*.deb")
                _run(["dpkg-deb", "-x", str(package), f"{folder}/root"])
                (Path(folder) / "root").rename(unpacked)
    return unpacked / "usr" / "bin" / name


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Let one process at a time install a tool."""
    with (cache() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _need(program: str, remedy: str) -> None:
    if shutil.which(program) is None:
        raise ToolMissingError(f"{program} is not on PATH: {remedy}")


def _run(
    command: list[str], *, folder: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolMissingError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")


def _say(message: str) -> None:
    sys.stderr.write(f"tools: {message}\n")
    sys.stderr.flush()
