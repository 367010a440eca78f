"""What is printed at the end, and build/bench.json."""

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from .figures import FIGURES, Figure, value_of
from .native_programs import Sample
from .peers import DIRECT
from .rounds import CALLERS, Round

_FULL = 0.95
"""A core that is busier than this is the limit."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the bench was run."""

    rounds: int
    seconds: float
    load_average_before: float


def table(rounds: Sequence[Round]) -> str:
    """The peers' throughput and latency, then our figures beside their targets."""
    return "\n".join([*_peers(rounds), "", *_others(rounds), "", *_figures(rounds)])


def document(rounds: Sequence[Round], setting: Setting) -> dict[str, Any]:
    """The content of build/bench.json: the medians under their keys, then what they come from."""
    values = {figure.key: value_of(figure, rounds) for figure in FIGURES}
    return {
        **{key: _rounded(value.median) for key, value in values.items() if value},
        "spread": {
            key: [_rounded(value.least), _rounded(value.most)] for key, value in values.items() if value
        },
        "targets": {figure.key: _target(figure) for figure in FIGURES},
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "setting": asdict(setting),
        "rounds": [asdict(seen) for seen in rounds],
    }


def write(file: Path, rounds: Sequence[Round], setting: Setting) -> None:
    """Write build/bench.json."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document(rounds, setting), indent=1) + "\n")


def _peers(rounds: Sequence[Round]) -> list[str]:
    heads = f"{'calls/s':>9}{'/ direct':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/call':>13}{'peer busy':>11}"
    lines = [f"{'callers':24}{'peer':17}{heads}{'load+stub busy':>16}"]
    for phase in (phase for phase in CALLERS if phase in rounds[0].samples):
        where = " on 50 ms" if phase == "slow64" else ""
        lines.extend(
            f"{f'{CALLERS[phase]}{where}':24}{peer:17}{_peer(rounds, phase, peer)}"
            for peer in rounds[0].samples[phase]
        )
    return [*lines, _judgement(rounds)]


def _peer(rounds: Sequence[Round], phase: str, peer: str) -> str:
    def middle(of: Callable[[Sample], float]) -> float:
        return median(of(seen.samples[phase][peer]) for seen in rounds)

    over_direct = median(
        seen.samples[phase][peer].calls_per_second / seen.samples[phase][DIRECT].calls_per_second
        for seen in rounds
    )
    return (
        f"{middle(lambda s: s.calls_per_second):9.0f}{over_direct:10.3f}"
        f"{middle(lambda s: s.p50_us) / 1e3:9.3f}{middle(lambda s: s.p99_us) / 1e3:9.3f}"
        f"{middle(lambda s: s.peer_cpu_us):13.1f}{middle(lambda s: s.peer_busy):11.0%}"
        f"{middle(lambda s: s.load_busy + s.stub_busy):16.0%}"
    )


def _judgement(rounds: Sequence[Round]) -> str:
    """Whether the load generator and the stub were anybody's limit."""
    limited = sorted(
        {
            peer
            for seen in rounds
            for peer, sample in seen.samples.get("sixteen", {}).items()
            if peer != DIRECT and sample.peer_busy < _FULL and sample.load_busy + sample.stub_busy > _FULL
        }
    )
    if limited:
        return f"the load's core was the limit of: {', '.join(limited)} (they could do more)"
    return "the load's core was nobody's limit but the direct way's"


def _others(rounds: Sequence[Round]) -> list[str]:
    rows = {
        "opening, over one round trip (ms)": [seen.opening_ms for seen in rounds],
        "tools/list of 350 (ms)": [seen.listing_ms for seen in rounds],
        "a call seen by openai-agents (ms)": [seen.agents_ms for seen in rounds],
        "ready (s)": [{name: at.ready_seconds for name, at in seen.starts.items()} for seen in rounds],
        "at rest (MB)": [{name: at.idle_megabytes for name, at in seen.starts.items()} for seen in rounds],
        "user session (kB)": [
            {name: at.session_kilobytes for name, at in seen.starts.items()} for seen in rounds
        ],
    }
    lines = [
        f"{what:36}" + "  ".join(f"{peer} {_middle(seen, peer):.3g}" for peer in seen[0])
        for what, seen in rows.items()
        if seen[0]
    ]
    fresh = [seen.fresh_opening_ms for seen in rounds if seen.fresh_opening_ms is not None]
    if fresh:
        lines.append(
            f"{'opening by a user never seen (ms)':36}runtime {median(fresh):.3g} over one round trip"
        )
    return lines


def _middle(seen: Sequence[Mapping[str, float]], peer: str) -> float:
    return median(each[peer] for each in seen if peer in each)


def _figures(rounds: Sequence[Round]) -> list[str]:
    lines = [f"{'':2}{'figure':70}{'median':>9}{'min - max':>20}{'target':>11}"]
    for figure in FIGURES:
        value = value_of(figure, rounds)
        if value is None:
            lines.append(f"  {figure.what:70}{'-':>9}{'':20}{_target(figure):>11}")
            continue
        mark = "✓" if figure.meets_target(value.median) else "✗"
        spread = f"{value.least:.3g} - {value.most:.3g}"
        lines.append(f"{mark} {figure.what:70}{value.median:9.3g}{spread:>20}{_target(figure):>11}")
    return lines


def _target(figure: Figure) -> str:
    return f"≤ {figure.at_most:g}" if figure.at_most is not None else f"≥ {figure.at_least:g}"


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
