"""The checkers that judge what we ship: helm, kubeconform, promtool and prometheus, in the versions we pin.

They are found in the cache (`$XDG_CACHE_HOME/pipewise-mcp/tools`, else `~/.cache/...`) or put there once,
under a lock, from the package registries: Go programs by `go install`, Prometheus from the Debian archive.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipewise_cli.debian import ToolMissingError, find_prometheus, tool_lock, tools_cache


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
    return find_prometheus("promtool", _say)


def prometheus() -> Path:
    """The path of the Prometheus server, from PATH or from Debian's package prometheus."""
    return find_prometheus("prometheus", _say)


def _go_tool(tool: GoTool) -> Path:
    path = tools_cache() / f"{tool.name}-{tool.version}" / tool.name
    with tool_lock(tool.name):
        if not path.exists():
            _need("go", f"install Go, or put {tool.name} {tool.version} at {path}")
            _say(f"building {tool.name} {tool.version} into {path.parent}")
            with tempfile.TemporaryDirectory(dir=tools_cache()) as folder:
                command = ["go", "install", "-ldflags", "-s -w", f"{tool.package}@{tool.version}"]
                _run(command, environment={"GOBIN": folder})
                path.parent.mkdir(exist_ok=True)
                (Path(folder) / tool.name).rename(path)
    return path


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
