"""What is said of all seeds: the figures, the table, and the story of a broken promise."""

import json
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .calls import word_for
from .judge import Violation, promises
from .show import Show, Wanted

RECOVERY_SECONDS = 10.0
"""Within what time all must be well again."""

_AROUND_SECONDS = 1.0


def figures(shows: Sequence[Show], wanted: Wanted) -> Mapping[str, Any]:
    """Everything that was counted."""
    calls = [call for show in shows for call in show.calls]
    kinds = Counter(each.fault.kind.name for show in shows for ep in show.episodes for each in ep.struck)
    recoveries = [seconds for show in shows for seconds in show.recoveries]
    return {
        "seeds": [show.seed for show in shows],
        "users": wanted.users,
        "seconds": round(sum(show.seconds for show in shows), 1),
        "calls": len(calls),
        "side_effects": sum(run.effect for show in shows for run in show.runs),
        "faults": kinds.total(),
        "kinds": len(kinds),
        **promises([violation for show in shows for violation in show.violations]),
        "recovery_p50_s": round(statistics.median(recoveries), 2),
        "recovery_p100_s": round(max(recoveries), 2),
        "answers": dict(Counter(word_for(call.answer) for call in calls).most_common()),
        "latest_answer_after_deadline_s": round(
            max(call.seconds - call.asked.deadline_seconds for call in calls), 3
        ),
        "faults_by_kind": dict(kinds.most_common()),
        "slowest_recovery_by_kind_s": _slowest(shows),
        "at_rest": {
            show.seed: {"start": asdict(show.at_start), "end": asdict(show.at_end)} for show in shows
        },
        "broken": [line for show in shows for line in broken(show)],
    }


def _slowest(shows: Sequence[Show]) -> Mapping[str, float]:
    slowest: dict[str, float] = {}
    for show in shows:
        for episode, seconds in zip(show.episodes, show.recoveries, strict=True):
            for each in episode.struck:
                name = each.fault.kind.name
                slowest[name] = max(slowest.get(name, 0.0), round(seconds, 2))
    return dict(sorted(slowest.items(), key=lambda pair: -pair[1]))


def broken(show: Show) -> Sequence[str]:
    """Every promise that a seed broke, a line each."""
    late = [seconds for seconds in show.recoveries if seconds >= RECOVERY_SECONDS]
    more = show.at_end.exceeding(show.at_start)
    return [
        *(f"{each.promise}: {each.marker}: {each.what}" for each in show.violations),
        *(f"recovery: {seconds:.1f} s" for seconds in late),
        *(f"leak: {name} was {then} and is {now}" for name, (then, now) in more.items()),
        *([f"stuck: {show.stuck}"] if show.stuck else []),
    ]


def table(counted: Mapping[str, Any]) -> str:
    """The figures that matter, a line each."""
    names = (
        "calls", "users", "side_effects", "faults", "kinds", "repeated_side_effects", "unanswered",
        "wrong_outcome", "recovery_p50_s", "recovery_p100_s", "latest_answer_after_deadline_s",
    )  # fmt: skip
    lines = [f"  {name:<32} {counted[name]:>10,}" for name in names]
    answers = ", ".join(f"{count} {word}" for word, count in counted["answers"].items())
    return "\n".join([*lines, f"  answers: {answers}"])


def stories(show: Show) -> Iterator[str]:
    """All there is to know of every broken promise: the call, its executions, and the faults around it."""
    for violation in show.violations:
        yield "\n".join([f"{violation.promise}: {violation.what}", *_story(show, violation)])


def _story(show: Show, violation: Violation) -> Iterator[str]:
    runs = [run for run in show.runs if run.marker == violation.marker]
    moments = [run.at for run in runs]
    if call := violation.call:
        yield f"  {call.asked.marker}: {call.asked.tool} by {call.asked.user}"
        answered = f"{_clock(call.ended)} ({call.seconds:.3f} s)"
        yield f"  begun {_clock(call.begun)}, answered {answered}: {call.answer}"
        moments += [call.begun, call.ended]
    yield from (f"  ran   {_clock(run.at)} ({'effect' if run.effect else 'read'})" for run in runs)
    begun, ended = min(moments) - _AROUND_SECONDS, max(moments) + _AROUND_SECONDS
    for episode in show.episodes:
        for each in episode.struck:
            if each.window.overlaps(begun, ended):
                window = f"{_clock(each.window.begun)} to {_clock(each.window.ended)}"
                yield f"  fault {window}: {each.fault}"


def written(counted: Mapping[str, Any], path: Path) -> None:
    """Write the figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(counted, indent=2) + "\n")


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S.%f")[:-3]
