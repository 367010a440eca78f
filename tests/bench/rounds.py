"""One round of the bench: every phase once, and in each phase every peer in turn."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .agents_view import CallFailedError, median_call_ms
from .fixtures import APPS
from .native_programs import Load, Sample
from .peers import DIRECT, NAIVE, RUNTIME, Place, Served, start
from .processes import BenchError, Process

PHASES = ("one", "sixteen", "slow64", "open7", "list350", "agents", "start")
CALLERS = {"one": 1, "sixteen": 16, "slow64": 64}
DELAY_MS = 50

_SLOW_TIMES = 4
"""64 callers of a slow upstream move in waves of 50 ms: 30 waves could tell throughputs to 3 % only."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in each round."""

    seconds: float
    """How long each load lasts."""
    callers: Mapping[str, int] = field(default_factory=lambda: CALLERS)
    """How many there are in each phase."""
    openings: int = 5
    sessions: int = 100
    """How many user sessions are opened to see what one costs."""
    bindings: int = 100
    """How many users the runtime serves while load is put on it."""


@dataclass(frozen=True, slots=True)
class Start:
    """A program from its start to its users' sessions."""

    ready_seconds: float
    """Until it listed all tools."""
    idle_megabytes: float
    session_kilobytes: float
    """Memory for each user who is served, has listed the tools and called every app."""


@dataclass(slots=True)
class Round:
    """What one round showed, by phase and peer."""

    samples: dict[str, dict[str, Sample]] = field(default_factory=dict)
    opening_ms: dict[str, float] = field(default_factory=dict)
    """From connecting to the first call's answer, less one round trip of the upstream."""
    fresh_opening_ms: float | None = None
    """The same for a user whose first call it is."""
    listing_ms: dict[str, float] = field(default_factory=dict)
    agents_ms: dict[str, float] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)


@dataclass(slots=True)
class Bench:
    """Everything that a round needs; the peers run all the time, so their rounds can be interleaved."""

    load: Load
    place: Place
    served: Sequence[Served]
    size: Size
    tell: Callable[[str], None]
    _requests: dict[str, list[bytes]] = field(default_factory=dict)
    _fresh_users: int = max(CALLERS.values())
    """Users from this number on have not called yet."""

    def open_sessions(self) -> None:
        """Let every caller of every peer begin its session and call once."""
        for peer in self.served:
            self._requests[peer.name] = []
            for user in range(max(self.size.callers.values())):
                with peer.conversation(user) as caller:
                    caller.initialize()
                    caller.call()
                    self._requests[peer.name].append(caller.spelled("tools/call"))

    def round(self, phases: Sequence[str]) -> Round:
        """Measure the phases once."""
        result = Round()
        for phase in phases:
            match phase:
                case "open7":
                    self._open(result)
                case "list350":
                    self._list(result)
                case "agents":
                    self._call_as_agents(result)
                case "start":
                    self._start(result)
                case _:
                    self._call(phase, result)
        return result

    def _call(self, phase: str, result: Round) -> None:
        result.samples[phase] = {}
        is_slow = phase == "slow64"
        seconds = self.size.seconds * (_SLOW_TIMES if is_slow else 1)
        self.load.stub.delay(DELAY_MS if is_slow else 0)
        for peer in self.served:
            requests = self._requests[peer.name][: self.size.callers[phase]]
            sample = self.load.run(peer.port, requests, seconds, peer.process)
            result.samples[phase][peer.name] = sample
            self.tell(f"{phase:8} {peer.name:16} {_line(sample)}")
        self.load.stub.delay(0)

    def _call_as_agents(self, result: Round) -> None:
        for peer in self.served:
            try:
                result.agents_ms[peer.name] = median_call_ms(peer.url(), self.size.seconds)
            except CallFailedError as error:
                if peer.name in (DIRECT, RUNTIME):
                    raise BenchError(f"openai-agents could not call {peer.name}: {error}") from error
                self.tell(f"agents   {peer.name:16} failed: {error}")
            else:
                self.tell(f"agents   {peer.name:16} p50 {result.agents_ms[peer.name]:8.3f} ms")

    def _open(self, result: Round) -> None:
        self.load.stub.delay(DELAY_MS)
        with self._peer(DIRECT).conversation() as upstream:
            round_trip = statistics.median(_timed_ms(upstream.call) for _ in range(self.size.openings))
        for peer in self.served:
            taken = statistics.median(_opening_ms(peer, 0) for _ in range(self.size.openings))
            result.opening_ms[peer.name] = taken - round_trip
            self.tell(f"open7    {peer.name:16} {taken:8.2f} ms; one round trip {round_trip:.2f} ms")
        if self._fresh_users < self.size.bindings:
            result.fresh_opening_ms = _opening_ms(self._peer(RUNTIME), self._fresh_users) - round_trip
            self._fresh_users += 1
        self.load.stub.delay(0)

    def _peer(self, name: str) -> Served:
        return next(peer for peer in self.served if peer.name == name)

    def _list(self, result: Round) -> None:
        for peer in self.served:
            if peer.tools != self._peer(RUNTIME).tools:
                continue
            with peer.conversation() as caller:
                caller.initialize()
                requests = [caller.spelled("tools/list")]
            sample = self.load.run(peer.port, requests, self.size.seconds, peer.process)
            result.listing_ms[peer.name] = sample.p50_us / 1e3
            self.tell(f"list350  {peer.name:16} p50 {sample.p50_us / 1e3:8.3f} ms")

    def _start(self, result: Round) -> None:
        """Start programs anew: one with a single user to see it at rest, one whose users are all at work."""
        users = self.size.sessions
        for name in (RUNTIME, NAIVE):
            began = time.monotonic()
            with _running(name, self.place, 1) as (peer, process):
                peer.wait_until_ready()
                ready_seconds = time.monotonic() - began
                idle = process.resident_kilobytes()
            with _running(name, self.place, users) as (peer, process):
                peer.wait_until_ready()
                for user in range(users):
                    _use_all_apps(peer, user)
                each = (process.resident_kilobytes() - idle) / users
            seen = result.starts[name] = Start(ready_seconds, idle / 1024, each)
            self.tell(
                f"start    {name:16} ready in {seen.ready_seconds:.2f} s, {seen.idle_megabytes:.1f} MB"
                f" at rest, {seen.session_kilobytes:.1f} kB for each user session"
            )


@contextmanager
def _running(name: str, place: Place, users: int) -> Iterator[tuple[Served, Process]]:
    peer = start(name, place, users)
    if peer.process is None:
        raise BenchError(f"{name} is no program")
    with peer.process:
        yield peer, peer.process


def _opening_ms(peer: Served, user: int) -> float:
    """How long a client takes from connecting to the answer to its first call."""
    return _timed_ms(lambda: _open(peer, user))


def _open(peer: Served, user: int) -> None:
    with peer.conversation(user) as agent:
        agent.initialize()
        if agent.tools() != peer.tools:
            raise BenchError(f"{peer.name} does not list all tools")
        agent.call()


def _use_all_apps(peer: Served, user: int) -> None:
    with peer.conversation(user) as agent:
        agent.initialize()
        agent.tools()
        for app in APPS:
            agent.call(f"{app}-action-0")


def _timed_ms(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


def _line(sample: Sample) -> str:
    return (
        f"{sample.calls_per_second:9.0f} calls/s  p50 {sample.p50_us / 1e3:8.3f} ms  "
        f"p99 {sample.p99_us / 1e3:8.3f} ms  {sample.peer_cpu_us:8.1f} us CPU/call  busy: peer "
        f"{sample.peer_busy:4.0%}, load {sample.load_busy:4.0%} + stub {sample.stub_busy:4.0%}"
    )
