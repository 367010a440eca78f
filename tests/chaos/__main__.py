"""The command: `python -m chaos [--seed N] [--episodes N] [--users N]`; without a seed, seeds 1 to 5.

Says how it goes on stdout, then the table; ends with 1 when any promise was broken.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipewise_cli.controlplane import ControlPlane, find_binaries, find_kubectl
from support.cluster import Cluster, Namespace

from .report import broken, figures, stories, table, written
from .show import Show, Wanted, performed

_BUILD = Path(__file__).parents[2] / "build"
_SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class _Arguments:
    seeds: Sequence[int]
    wanted: Wanted
    output: Path


def main() -> int:
    """Perform all seeds; the exit status."""
    given = _given()
    shows = _shows(given)
    counted = figures(shows, given.wanted)
    written(counted, given.output)
    say(f"\n{table(counted)}\n\nwritten: {given.output}")
    for show in shows:
        for line in broken(show):
            say(f"BROKEN (seed {show.seed}): {line}")
        for story in stories(show):
            say(f"\nseed {show.seed}: {story}")
    return 1 if counted["broken"] else 0


def say(line: str) -> None:
    """Print a line at once, with the time since the start."""
    sys.stdout.write(f"{time.monotonic() - _STARTED:6.1f} s  {line}\n" if line[:1] != "\n" else f"{line}\n")
    sys.stdout.flush()


def _given() -> _Arguments:
    parser = argparse.ArgumentParser(prog="chaos", description="Break everything while many users call.")
    parser.add_argument("--seed", type=int, help="perform only this one")
    parser.add_argument("--users", type=int, default=24, help="who call at the same time [24]")
    parser.add_argument("--episodes", type=int, default=15, help="of faults, for each seed [15]")
    parser.add_argument("--output", type=Path, default=_BUILD / "chaos.json", help="[build/chaos.json]")
    given = parser.parse_args()
    seeds = _SEEDS if given.seed is None else (given.seed,)
    return _Arguments(seeds, Wanted(given.users, given.episodes), given.output)


def _shows(given: _Arguments) -> Sequence[Show]:
    with ControlPlane(find_binaries()) as plane:
        plane.install_definitions()
        cluster = Cluster(plane, find_kubectl())
        shows = []
        for seed in given.seeds:
            namespace = Namespace(cluster)
            shows.append(performed(seed, given.wanted, namespace, _BUILD / "chaos" / f"seed-{seed}", say))
            namespace.clear()
        return shows


_STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
