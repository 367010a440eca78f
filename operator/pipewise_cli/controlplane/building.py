"""Building a program of the control plane with Go, from modules whose checksums are pinned in `modules/`."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .errors import BinariesError
from .guardian import guarded
from .versions import Program, linker_flags

_MODULES = Path(__file__).parent / "modules"
_SPEAK_EVERY_SECONDS = 5.0
_TAIL_LINES = 15


def build(program: Program, target: Path, say: Callable[[str], None]) -> None:
    """Compile one program and move it to its place in one step, so that nobody meets half of it.

    Raises:
        BinariesError: Go is missing, too old, cannot fetch the modules or cannot compile them.
    """
    go = shutil.which("go")
    if go is None:
        raise BinariesError(
            f"{program.name} is not here, and Go, which would build it, is not installed. "
            "Install Go 1.24 or newer (Debian 13: apt install golang-go; Debian 12: the same from "
            "bookworm-backports; elsewhere: go.dev/dl), or set KUBEBUILDER_ASSETS to a folder with "
            "etcd and kube-apiserver."
        )
    with tempfile.TemporaryDirectory(prefix="pipewise-build-", dir=target.parent) as workspace:
        folder = Path(workspace)
        for file in ("go.mod", "go.sum"):
            shutil.copyfile(_MODULES / program.modules / f"{file}.txt", folder / file)
        output = folder / program.name
        command = [
            *(go, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"),
            *("-ldflags", linker_flags(), "-o", str(output), program.package),
        ]
        with subprocess.Popen(  # noqa: S603 - the command is ours
            guarded(command),
            cwd=folder,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            lines = _followed(child, program, say)
        if child.returncode:
            tail = "\n".join(lines[-_TAIL_LINES:])
            raise BinariesError(
                f"{go} could not build {program.name} (exit code {child.returncode}). It must be Go 1.24 or "
                f"newer, or 1.21 or newer where it may fetch a newer one itself. What it said:\n{tail}"
            )
        output.replace(target)


def _followed(child: subprocess.Popen[str], program: Program, say: Callable[[str], None]) -> list[str]:
    """Read what the compiler prints until it ends, and tell every few seconds how far it is."""
    lines: list[str] = []
    started = time.monotonic()
    finished = threading.Event()

    def speak() -> None:
        while not finished.wait(_SPEAK_EVERY_SECONDS):
            elapsed = time.monotonic() - started
            now = lines[-1] if lines else "fetching modules"
            usual = f"{elapsed:.0f} s of usually {program.seconds} s"
            say(f"  {program.name}: {usual}, {len(lines)} steps done, now {now}")

    say(f"building {program.name} once with Go (usually {program.seconds} s on two cores) …")
    speaker = threading.Thread(target=speak, name="build-progress", daemon=True)
    speaker.start()
    try:
        for line in child.stdout or ():
            lines.append(line.rstrip())  # noqa: PERF401 - the speaker reads the list while it grows
    finally:
        finished.set()
        speaker.join()
    say(f"built {program.name} in {time.monotonic() - started:.0f} s")
    return lines
