"""The temporary folder of one control plane, which goes away also after a crash.

Its owner holds a lock on a file inside as long as it lives. Whoever makes the next folder removes
those that nobody holds any more.
"""

import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import IO, Self

_PREFIX = "pipewise-controlplane-"
_LOCK = "owner.lock"


class Folder:
    """A temporary folder with an owner; a context manager."""

    def __init__(self) -> None:
        self.path: Path
        self._lock: IO[bytes]

    def __enter__(self) -> Self:
        """Remove folders without an owner, then make one."""
        for abandoned in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
            _remove_unless_owned(abandoned)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        unnamed = self.path / "lock"
        self._lock = unnamed.open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self.path / _LOCK)
        return self

    def __exit__(self, *_exc: object) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_unless_owned(lock_file: Path) -> None:
    try:
        with lock_file.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_file.parent, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError, PermissionError):
        return
