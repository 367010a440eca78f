"""The director: strikes episode after episode, and waits each time until all is well again.

In the main thread; users and the line have a loop of their own.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from support.eventually import eventually_sync

from . import troubles
from .judge import Window
from .plan import Fault
from .stage import Stage
from .users import Crowd

_RECOVERY_SECONDS = 30.0
_CALM_SECONDS = 0.3
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault as it was carried out."""

    fault: Fault
    window: Window
    well_from: float
    """The moment from which things could be well again, in seconds of the wall clock."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Faults that were struck together.

    Attributes:
        struck: the faults.
        callable: when everybody's calls had succeeded again.
        recovered: when besides everything was ready and every binding Ready.
    """

    struck: Sequence[Struck]
    callable: float = float("inf")
    recovered: float = float("inf")

    @property
    def begun(self) -> float:
        """When the first fault began."""
        return min(each.window.begun for each in self.struck)

    @property
    def well_from(self) -> float:
        """The moment from which things could be well again."""
        return max(each.well_from for each in self.struck)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A fault that lasts."""

    fault: Fault
    begun: float
    until: float
    """On the clock of the episode."""
    end: troubles.End


@dataclass(slots=True)
class Director:
    """Carries out episodes.

    Attributes:
        stage: what they strike.
        crowd: the users who call meanwhile.
        say: is told what has happened.
        episodes: those carried out so far.
    """

    stage: Stage
    crowd: Crowd
    say: Callable[[str], None]
    episodes: list[Episode] = field(default_factory=list)

    def perform(self, plan: Sequence[Sequence[Fault]]) -> None:
        """Carry out all episodes, each after the recovery from the one before.

        Raises:
            AssertionError: things were not well again long after an episode; the message says what was not.
        """
        for faults in plan:
            episode = Episode(self._struck(faults))
            self.episodes.append(episode)
            callable_again = float("inf")
            try:
                eventually_sync(partial(self._calls_succeed, episode.well_from), _RECOVERY_SECONDS)
                callable_again = time.time()
                eventually_sync(self._is_well, _RECOVERY_SECONDS)
            finally:
                self.episodes[-1] = Episode(episode.struck, callable_again, time.time())
            self._tell(self.episodes[-1])
            time.sleep(_CALM_SECONDS)

    def _struck(self, faults: Sequence[Fault]) -> Sequence[Struck]:
        """Begin and end each fault at its time."""
        waiting = sorted(faults, key=lambda fault: fault.at_seconds)
        under_way: list[_UnderWay] = []
        struck: list[Struck] = []
        started = time.monotonic()
        while waiting or under_way:
            passed = time.monotonic() - started
            over = [each for each in under_way if each.until <= passed]
            if waiting and waiting[0].at_seconds <= passed:
                fault, begun = waiting.pop(0), time.time()
                end = troubles.begin(fault, self.stage, self.crowd)
                under_way.append(_UnderWay(fault, begun, passed + fault.lasts_seconds, end))
            elif over:
                under_way.remove(over[0])
                well_from = over[0].end()
                struck.append(Struck(over[0].fault, Window(over[0].begun, time.time()), well_from))
            else:
                time.sleep(_POLL_SECONDS)
        return struck

    def _calls_succeed(self, since: float) -> bool:
        assert self.crowd.all_worked_since(since), "not everybody's calls succeed"
        return True

    def _is_well(self) -> bool:
        assert self.stage.operator.is_ready, "the operator is not ready"
        assert self.stage.runtime.is_ready, "the runtime is not ready"
        return self.stage.all_ready()

    def _tell(self, episode: Episode) -> None:
        faults = "; ".join(str(each.fault) for each in episode.struck)
        calls, ready = episode.callable - episode.well_from, episode.recovered - episode.well_from
        counted = f"{len(self.crowd.calls):6} calls"
        self.say(f"{counted}; they succeed after {calls:3.1f} s, all is Ready after {ready:3.1f} s: {faults}")
