"""The command: `python -m scale [--burst N] [--all N] [--output FILE]`; says how it goes, then the table."""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from pipewise_cli.controlplane import ControlPlane, find_binaries, find_kubectl
from support.cluster import Cluster, Namespace
from support.deployed import deployed

from .figures import document, figures, table
from .measuring import Arrival, Restart, arrival, restart

_BUILD = Path(__file__).parents[2] / "build"


def main() -> int:
    """Measure; the exit status. A missed target is told, and is no failure."""
    given = _given()
    with (
        ControlPlane(find_binaries()) as plane,
        tempfile.TemporaryDirectory() as folder,
    ):
        plane.install_definitions()
        namespace = Namespace(Cluster(plane, find_kubectl()))
        with deployed(namespace, Path(folder)) as stage:
            say("operator, runtime and sandbox are up")
            burst = arrival(stage, 0, given.burst)
            say(_arrived(burst))
            rest = arrival(stage, given.burst, given.all) if given.all > given.burst else None
            if rest:
                say(_arrived(rest))
            again = restart(stage, given.all)
            say(f"judged anew after {again.judged_seconds:.1f} s")
    told = figures(burst, rest, again)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    seen: list[Arrival | Restart] = [each for each in (burst, rest, again) if each]
    written = {**document(told), "seen": [asdict(each) for each in seen]}
    given.output.write_text(json.dumps(written, indent=1) + "\n")
    sys.stdout.write(f"\n{table(told)}\n\nwritten: {given.output}\n")
    return 0


def say(line: str) -> None:
    """Print a line at once, with the time since the start."""
    sys.stdout.write(f"{time.monotonic() - _STARTED:6.1f} s  {line}\n")
    sys.stdout.flush()


def _arrived(seen: Arrival) -> str:
    return (
        f"{seen.number} bindings created in {seen.created_seconds:.1f} s, "
        f"all Ready {seen.ready_seconds:.1f} s later; "
        f"operator {seen.operator.resident_mb:.0f} MB, runtime {seen.runtime.resident_mb:.0f} MB"
    )


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scale", description="Measure what thousands of bindings cost.")
    parser.add_argument("--burst", type=int, default=1000, help="bindings created at once [1000]")
    parser.add_argument("--all", type=int, default=5000, help="bindings in the end [5000]")
    parser.add_argument("--output", type=Path, default=_BUILD / "scale.json", help="[build/scale.json]")
    given = parser.parse_args()
    if not 0 < given.burst <= given.all:
        parser.error("--burst is from 1 to --all")
    return given


_STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
