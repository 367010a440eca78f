"""Where nginx and FastMCP come from: what is there already, else Debian's package and PyPI's, into build/."""

import shutil
import subprocess
import sys
from pathlib import Path

from .processes import BenchError

_REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def nginx(folder: Path) -> Path:
    """The nginx program; unpacked from its Debian package where it is not installed. No daemon is started.

    Raises:
        BenchError: it can neither be found nor fetched.
    """
    unpacked = folder / "nginx" / "usr" / "sbin" / "nginx"
    if found := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin"):
        return Path(found)
    if unpacked.exists():
        return unpacked
    place = folder / "nginx"
    place.mkdir(parents=True, exist_ok=True)
    _run(
        ["apt-get", "download", "nginx"], place, "nginx cannot be fetched; install it: apt-get install nginx"
    )
    package = next(place.glob("nginx_*.deb"))
    _run(["dpkg-deb", "-x", str(package), "."], place, "the nginx package cannot be unpacked")
    return unpacked


def fastmcp(folder: Path) -> Path:
    """The Python that has FastMCP, in a virtual environment of its own.

    Raises:
        BenchError: it cannot be installed.
    """
    place = folder / "fastmcp"
    python, stamp = place / "bin" / "python", place / "installed"
    wanted = _REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    _run([sys.executable, "-m", "venv", str(place)], folder, "FastMCP's virtual environment failed")
    # Its metadata asks for versions that are not to be had, so the pinned ones are taken as they are.
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _run([str(python), *install, "-r", str(_REQUIREMENTS)], folder, "FastMCP could not be installed")
    stamp.write_text(wanted)
    return python


def _run(command: list[str], folder: Path, otherwise: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BenchError(f"{otherwise} ({error})") from error
    if done.returncode:
        raise BenchError(f"{otherwise}:\n{done.stderr[-1000:]}")
