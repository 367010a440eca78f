"""The stub upstream and the load generator: built from C, because in Python they would be the bottleneck."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from .processes import BenchError, Cores, Process

_SOURCES = Path(__file__).parent / "native"
WARM_SECONDS = 0.3
_LONGER_SECONDS = (5.0, 20.0)
"""For peers so slow that no call is over in the usual time."""


def build(folder: Path) -> None:
    """Build both programs where they are missing or older than their sources.

    Raises:
        BenchError: there is no C compiler, or it fails.
    """
    newest = max(source.stat().st_mtime for source in _SOURCES.iterdir())
    for name in ("stub", "load"):
        program = folder / name
        if program.exists() and program.stat().st_mtime > newest:
            continue
        compiler = shutil.which("cc")
        if compiler is None:
            raise BenchError("the bench needs a C compiler for its load generator: apt-get install gcc")
        command = [compiler, "-O2", "-o", str(program), str(_SOURCES / f"{name}.c")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{' '.join(command)} failed:\n{done.stderr}")


class Stub:
    """The upstream, on the load's core."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.port = int(process.line())
        self.url = f"http://127.0.0.1:{self.port}"

    def delay(self, milliseconds: int) -> None:
        """Answer MCP requests so much later from now on."""
        self._ask("PUT", f"/delay/{milliseconds}")

    def calls(self) -> int:
        """How many tool calls have come so far."""
        return int(self._ask("GET", "/calls"))

    def _ask(self, method: str, path: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of the load generator showed; times in microseconds, `busy` as a part of one core."""

    calls: int
    calls_per_second: float
    p50_us: float
    p99_us: float
    peer_cpu_us: float
    """Processor time of the peer for each call."""
    peer_busy: float
    stub_busy: float
    load_busy: float


@dataclass(frozen=True, slots=True)
class Load:
    """The load generator: `callers` connections, each with one request in flight at any time."""

    program: Path
    cores: Cores
    stub: Stub

    def run(self, port: int, requests: list[bytes], seconds: float, peer: Process | None) -> Sample:
        """Put load on a port for so long once it is warm; longer where no call is over by then.

        Raises:
            BenchError: a reply was wrong, or calls were answered that never reached the upstream.
        """
        file = self.program.with_name("requests")
        file.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
        calls_before = self.stub.calls()
        for patience in (seconds, *_LONGER_SECONDS):
            told, used = self._told(port, len(requests), patience, peer)
            if told["calls"]:
                break
        else:
            raise BenchError(f"no call was answered within {_LONGER_SECONDS[-1]} s")
        is_call = b'"tools/call"' in requests[0]
        if is_call and self.stub.calls() - calls_before < told["calls"]:
            raise BenchError("calls were answered that never reached the upstream")
        return Sample(
            calls=int(told["calls"]),
            calls_per_second=told["calls"] / told["seconds"],
            p50_us=told["p50_us"],
            p99_us=told["p99_us"],
            peer_cpu_us=used.peer / told["calls"] * 1e6,
            peer_busy=used.peer / told["seconds"],
            stub_busy=used.stub / told["seconds"],
            load_busy=told["cpu_seconds"] / told["seconds"],
        )

    def _told(
        self, port: int, callers: int, seconds: float, peer: Process | None
    ) -> tuple[dict[str, float], "_Used"]:
        """What the load generator says of one run, and what the others used meanwhile."""
        arguments = (port, callers, WARM_SECONDS, seconds, self.program.with_name("requests"))
        command = [str(self.program), *(str(argument) for argument in arguments)]
        with Process(command, self.cores.load, self.program.with_name("load.log")) as load:
            load.line()
            began = _Used.of(peer, self.stub.process)
            told: dict[str, float] = json.loads(load.line())
            return told, _Used.of(peer, self.stub.process).since(began)


@dataclass(frozen=True, slots=True)
class _Used:
    """Processor time, in seconds."""

    peer: float
    stub: float

    @classmethod
    def of(cls, peer: Process | None, stub: Process) -> "_Used":
        return cls(peer.cpu_seconds() if peer else 0.0, stub.cpu_seconds())

    def since(self, before: "_Used") -> "_Used":
        return _Used(self.peer - before.peer, self.stub - before.stub)
