"""One seed from beginning to end: users call, episodes of faults come and go, everything is measured."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from support.cluster import Namespace
from support.eventually import eventually_sync

from .background import Background
from .calls import Call, Run
from .director import Director, Episode
from .judge import Away, Violation, Window, judged, last_trouble
from .plan import Fault, Scope, planned
from .provider import runs_in
from .stage import Stage, staged
from .users import DEADLINE_SECONDS, Crowd
from .vitals import Vitals, vitals

_WARM_UP_SECONDS = 30.0
_LAST_CALLS_SECONDS = 30.0
_QUIET_SECONDS = 6.0
"""Longer than the runtime keeps idle connections, and than any fault holds a request back."""

_SETTLE_SECONDS = 20.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """How big a show is."""

    users: int
    episodes: int


@dataclass(frozen=True, slots=True)
class Show:
    """What one seed brought.

    Attributes:
        stuck: what was not well again after an episode; empty when all went to the end.
        recoveries: seconds until all was well after each episode, later failures included.
        at_start: what was open before the faults.
        at_end: what was open when all was quiet again.
    """

    seed: int
    calls: Sequence[Call]
    runs: Sequence[Run]
    episodes: Sequence[Episode]
    stuck: str
    violations: Sequence[Violation]
    recoveries: Sequence[float]
    at_start: Vitals
    at_end: Vitals
    seconds: float


def performed(
    seed: int, wanted: Wanted, namespace: Namespace, folder: Path, say: Callable[[str], None]
) -> Show:
    """Perform a seed."""
    started, users = time.monotonic(), [f"user-{number}" for number in range(wanted.users)]
    plan = planned(seed, wanted.episodes, Scope(users, list(DEADLINE_SECONDS)))
    with staged(namespace, folder, users) as stage:
        crowd = Crowd(stage.agents_url, users, seed)
        say(f"seed {seed}: {len(users)} users are bound and Ready; {len(plan)} episodes follow")
        with calling(crowd, stage.background):
            eventually_sync(partial(crowd.all_worked_since, 0.0), _WARM_UP_SECONDS)
        at_start = _at_rest(stage)
        director = Director(stage, crowd, say)
        stuck = _struck(director, plan)
        at_end = _back_to(at_start, stage)
        runs = runs_in(stage.journal)
    return Show(
        seed=seed,
        calls=crowd.calls,
        runs=runs,
        episodes=director.episodes,
        stuck=stuck,
        violations=judged(crowd.calls, runs, _runtime_away(director.episodes)),
        recoveries=_recoveries(director.episodes, crowd.calls),
        at_start=at_start,
        at_end=at_end,
        seconds=time.monotonic() - started,
    )


def _struck(director: Director, plan: Sequence[Sequence[Fault]]) -> str:
    """Let the director perform while all users call; what he got stuck on, or nothing."""
    with calling(director.crowd, director.stage.background):
        try:
            director.perform(plan)
        except AssertionError as error:
            return f"{error}: {error.__cause__}"
    return ""


@contextlib.contextmanager
def calling(crowd: Crowd, background: Background) -> Iterator[None]:
    """Let all users call; at the end all calls have their answers."""
    under_way = background.begin(crowd.call())
    try:
        yield
    finally:
        crowd.stop()
        under_way.result(_LAST_CALLS_SECONDS)


def _at_rest(stage: Stage) -> Vitals:
    """What is open once all connections that nobody needs are closed."""
    time.sleep(_QUIET_SECONDS)
    return vitals(stage)


def _back_to(start: Vitals, stage: Stage) -> Vitals:
    """What is open at rest: the first count that is not above the start, or the last there was time for."""
    now = _at_rest(stage)
    until = time.monotonic() + _SETTLE_SECONDS
    while now.exceeding(start) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
        now = vitals(stage)
    return now


def _runtime_away(episodes: Sequence[Episode]) -> Sequence[Away]:
    return [
        Away(each.window.begun, each.window.ended, drains=each.fault.kind.name == "runtime_terminated")
        for episode in episodes
        for each in episode.struck
        if each.fault.kind.part == "runtime"
    ]


def _recoveries(episodes: Sequence[Episode], calls: Sequence[Call]) -> Sequence[float]:
    """How long each episode was felt: until all was well, or until the last call that failed even so."""
    next_begun = [*(episode.begun for episode in episodes[1:]), float("inf")]
    return [
        max(episode.recovered - episode.well_from, last_trouble(calls, Window(episode.well_from, until)))
        for episode, until in zip(episodes, next_begun, strict=True)
    ]
