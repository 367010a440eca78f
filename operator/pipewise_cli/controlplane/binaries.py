"""Finding etcd, kube-apiserver and kubectl: where the environment says, in the cache, or built with Go."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .building import build
from .locking import exclusive
from .versions import CACHE_NAME, PROGRAMS, Program

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where the programs of the control plane are."""

    etcd: Path
    apiserver: Path


def say_on_stderr(line: str) -> None:
    """Tell a person on a terminal how the search goes on."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def find_binaries(say: Say = say_on_stderr) -> Binaries:
    """Find etcd and kube-apiserver: in KUBEBUILDER_ASSETS, else in the cache, else build them into it.

    Raises:
        BinariesError: they are nowhere and cannot be built.
    """
    etcd, apiserver = _found((PROGRAMS["etcd"], PROGRAMS["kube-apiserver"]), say)
    return Binaries(etcd, apiserver)


def find_kubectl(say: Say = say_on_stderr) -> Path:
    """Find kubectl: in PATH or KUBEBUILDER_ASSETS, else in the cache, else build it into it.

    Raises:
        BinariesError: it is nowhere and cannot be built.
    """
    if in_path := shutil.which("kubectl"):
        return Path(in_path)
    return _found((PROGRAMS["kubectl"],), say)[0]


def cache_folder() -> Path:
    """The folder in which built programs of the pinned versions are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pipewise-mcp" / "controlplane" / CACHE_NAME


def _found(programs: Sequence[Program], say: Say) -> Sequence[Path]:
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        told = [Path(assets) / program.name for program in programs]
        if all(_is_program(path) for path in told):
            return told
        missing = ", ".join(path.name for path in told if not _is_program(path))
        say(f"KUBEBUILDER_ASSETS={assets} lacks {missing}")
    cache = cache_folder()
    cached = [cache / program.name for program in programs]
    if not all(_is_program(path) for path in cached):
        cache.mkdir(parents=True, exist_ok=True)
        with exclusive(
            cache / "build.lock", lambda: say("waiting for another process that builds the control plane")
        ):
            for program, path in zip(programs, cached, strict=True):
                if not _is_program(path):
                    build(program, path, say)
    return cached


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
