"""Version 1 of the official Python SDK, in an environment of its own in the cache: made once, from PyPI."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipewise_cli.debian import tool_lock, tools_cache

VERSION = "1.30.0"
_INSTALL_SECONDS = 240.0


def legacy_python() -> Path:
    """The interpreter that has it; installed on first use (about 20 s)."""
    folder = tools_cache() / f"mcp-python-{VERSION}"
    with tool_lock("mcp-python"):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
    return folder / "bin/python"


def _install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    steps: tuple[list[str | Path], ...] = (
        [sys.executable, "-m", "venv", folder],
        [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", f"mcp=={VERSION}"],
    )
    with tempfile.TemporaryDirectory() as elsewhere:
        for step in steps:
            subprocess.run(step, check=True, timeout=_INSTALL_SECONDS, cwd=elsewhere)
    (folder / "ready").touch()
