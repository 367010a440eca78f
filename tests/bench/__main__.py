"""The command: `python -m bench [--rounds 5] [--seconds 1.5] [--only one,open7] [--quick]`.

Says on stdout what it measures as it goes, then the table. A missed target is no failure; a phase that could
not be measured is.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import obtaining
from .fixtures import users, write_bindings, write_replies
from .native_programs import Load, Stub, build
from .peers import ALL, FASTMCP_DEFAULT, FASTMCP_REUSED, NGINX, Place, Served, start
from .processes import BenchError, Cores, Process
from .report import Setting, table, write
from .rounds import PHASES, Bench, Round, Size

_BUILD = Path(__file__).parents[2] / "build"
_QUICK = Size(0.1, {"one": 1, "sixteen": 4, "slow64": 8}, openings=1, sessions=8, bindings=66)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    rounds: int
    size: Size
    phases: Sequence[str]
    quick: bool
    output: Path


def main() -> int:
    """Run the bench; the exit code."""
    wanted = _wanted()
    try:
        rounds, setting, problems = _run(wanted)
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    _say("\n" + table(rounds))
    write(wanted.output, rounds, setting)
    _say(f"\nwritten: {wanted.output}")
    for problem in problems:
        sys.stderr.write(f"bench: not measured: {problem}\n")
    return 1 if problems else 0


def _wanted() -> Wanted:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the runtime beside its peers.")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured [5]")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each load lasts [1.5]")
    parser.add_argument("--only", default=",".join(PHASES), help=f"phases, of {','.join(PHASES)}")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a smoke run of seconds, with our runtime and the naive proxy only",
    )
    parser.add_argument("--output", type=Path, default=_BUILD / "bench.json", help="[build/bench.json]")
    given = parser.parse_args()
    phases = given.only.split(",")
    if unknown := set(phases) - set(PHASES):
        parser.error(f"no such phase: {', '.join(sorted(unknown))}")
    if given.quick:
        return Wanted(1, _QUICK, phases, quick=True, output=given.output)
    return Wanted(given.rounds, Size(given.seconds), phases, quick=False, output=given.output)


def _run(wanted: Wanted) -> tuple[list[Round], Setting, list[str]]:
    folder = _BUILD / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    build(folder)
    setting = Setting(wanted.rounds, wanted.size.seconds, os.getloadavg()[0])
    names, programs, problems = _peers(folder, wanted)
    cores, bindings = Cores(), wanted.size.bindings
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pipewise-bench-")))
        write_replies(temporary / "replies", users(bindings))
        command = [folder / "stub", temporary / "replies"]
        stub = Stub(stack.enter_context(Process(command, cores.load, temporary / "stub.log")))
        place = Place(temporary, stub.port, cores, *programs)
        for count in {bindings, wanted.size.sessions, 1}:
            write_bindings(place.bindings(count), users(count), stub.url)
        load = Load(folder / "load", cores, stub)
        served = [_started(stack, start(name, place, bindings)) for name in names]
        for peer in served:
            peer.wait_until_ready()
        bench = Bench(load, place, served, wanted.size, _say)
        bench.open_sessions()
        rounds = []
        for number in range(wanted.rounds):
            _say(f"round {number + 1} of {wanted.rounds}")
            rounds.append(bench.round(wanted.phases))
    return rounds, setting, problems


def _peers(folder: Path, wanted: Wanted) -> tuple[list[str], tuple[Path | None, Path | None], list[str]]:
    """The peers that are measured, the programs they need, and why others cannot be."""
    problems = []
    found: list[Path | None] = []
    for obtain in (obtaining.nginx, obtaining.fastmcp):
        try:
            found.append(obtain(folder) if not wanted.quick else None)
        except BenchError as error:
            found.append(None)
            problems.append(str(error))
    nginx, fastmcp = found
    left_out = {NGINX} if nginx is None else set()
    if fastmcp is None:
        left_out |= {FASTMCP_REUSED, FASTMCP_DEFAULT}
    return [name for name in ALL if name not in left_out], (nginx, fastmcp), problems


def _started(stack: ExitStack, peer: Served) -> Served:
    """See to it that a peer ends with us."""
    if peer.process:
        stack.enter_context(peer.process)
    return peer


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
