"""A Lease and its candidates in simulated time: slow and lost answers, stalls, and clocks that differ."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from pipewise_operator.desired.leadership import (
    Candidate,
    Record,
    Renew,
    StepDown,
    Take,
    Wait,
    decision,
    given_up,
)


@dataclass(frozen=True, slots=True)
class Troubles:
    """How bad it may get, in seconds and as chances."""

    slowest_answer: float = 2.5
    lost: float = 0.2
    stall: float = 0.05
    longest_stall: float = 25.0
    resignation: float = 0.02


CALM = Troubles(slowest_answer=0.05, lost=0.0, stall=0.0, resignation=0.0)


class Server:
    """The Lease as the API server keeps it: a write is taken only from whom has seen the last one."""

    def __init__(self) -> None:
        self.record: Record | None = None
        self.version = 0

    def write(self, record: Record, seen: int) -> bool:
        """Take a write, or refuse it."""
        if seen != self.version:
            return False
        self.record, self.version = record, self.version + 1
        return True


@dataclass
class Replica:
    """One process: its candidate, its clock, and what it last saw."""

    candidate: Candidate
    offset: float
    rate: float
    seen: int = 0
    terms: list[tuple[float, str]] = field(default_factory=list)
    is_known: bool = False
    has_ended: bool = False

    def clock(self, now: float) -> float:
        """What its clock shows at a true moment."""
        return self.offset + self.rate * now

    def leads(self, now: float) -> bool:
        """Whether it would let a write through."""
        return not self.has_ended and self.candidate.leads(self.clock(now))


class Simulation:
    """Runs replicas against one server; `step` makes the next event happen."""

    def __init__(self, seed: int, replicas: int, terms_rate: float = 0.1) -> None:
        self.random = Random(seed)  # noqa: S311 - the same troubles again for the same seed
        self.server, self.now = Server(), 0.0
        self.troubles = Troubles()
        self._names, self._order = itertools.count(1), itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._spread = terms_rate
        self.replicas: list[Replica] = []
        for _ in range(replicas):
            self._start()

    def run(self, seconds: float, check: Callable[[], None]) -> None:
        """Let simulated time pass, and check after each event."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, event = heapq.heappop(self._events)
            event()
            check()

    def leaders(self) -> list[Replica]:
        """Who would write now."""
        return [replica for replica in self.replicas if replica.leads(self.now)]

    def _start(self) -> None:
        rate = 1 + self.random.uniform(-self._spread, self._spread)
        replica = Replica(Candidate(f"r{next(self._names)}"), self.random.uniform(0, 1e6), rate)
        self.replicas.append(replica)
        self._after(self.random.uniform(0, 2), lambda: self._turn(replica))

    def _after(self, seconds: float, event: Callable[[], None]) -> None:
        if self.random.random() < self.troubles.stall:
            seconds += self.random.uniform(0, self.troubles.longest_stall)
        heapq.heappush(self._events, (self.now + seconds, next(self._order), event))

    def _delay(self) -> float:
        return self.random.uniform(0, self.troubles.slowest_answer)

    def _turn(self, replica: Replica) -> None:
        local = replica.clock(self.now)
        if self.random.random() < self.troubles.resignation:
            self._end(replica, given_up(replica.candidate, str(local)))
        elif not replica.is_known:
            self._look(replica)
        else:
            match decision(replica.candidate, local, str(local)):
                case StepDown():
                    self._end(replica, None)
                case Wait(seconds):
                    replica.is_known = replica.candidate.leads_until is not None
                    self._after(seconds / replica.rate, lambda: self._turn(replica))
                case Take(record) | Renew(record):
                    # Between deciding and asking a process may stand still for any time.
                    self._after(0.0, lambda: self._write(replica, record))

    def _end(self, replica: Replica, last: Record | None) -> None:
        """The process ends, and a new one starts in its place."""
        replica.has_ended = True
        self.replicas.remove(replica)
        if last is not None:
            seen = replica.seen
            self._after(self._delay(), lambda: self._arrive(last, seen))
        self._after(1.0, self._start)

    def _arrive(self, record: Record, seen: int) -> None:
        self.server.write(record, seen)

    def _look(self, replica: Replica) -> None:
        def answer() -> None:
            found, version = self.server.record, self.server.version

            def come_back() -> None:
                replica.candidate = replica.candidate.observed(found, replica.clock(self.now))
                replica.seen, replica.is_known = version, True
                self._turn(replica)

            self._after(self._delay(), come_back)

        self._after(self._delay(), answer)

    def _write(self, replica: Replica, record: Record) -> None:
        asked_at, seen = replica.clock(self.now), replica.seen

        def answer() -> None:
            taken, version = self.server.write(record, seen), self.server.version
            is_lost = self.random.random() < self.troubles.lost

            def come_back() -> None:
                replica.is_known = taken and not is_lost
                if replica.is_known:
                    replica.seen = version
                    now = replica.clock(self.now)
                    replica.candidate = replica.candidate.written(record, asked_at, now)
                self._turn(replica)

            self._after(self._delay() + (3.0 if is_lost else 0.0), come_back)

        self._after(self._delay(), answer)
