"""Each runtime's share of each project's quota, so that together they never run more than there is.

By demand and max-min fair: whoever wants little gets it, the others get equal parts of the rest.

What is guaranteed: in no window do the runs of all runtimes exceed the limit. A runtime may have run, or yet
run, as much as the largest of what it was told, what it says it keeps to and what it says it has used; one is
given more only of what all these leave over, so what is taken from one runtime reaches another when the first
has confirmed that and its runs have left the window. Outside of it are runs that nobody here knows of: those
of a runtime's small starting share before it is told one, those beyond the last report of one that vanished
or started again, and those of runtimes that vanished before this operator started.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipewise_crds import MCPRuntime, PipedreamProject, ProjectReport, Share

HEADROOM = 2
"""A runtime is given room for this many times what it wants: it tells of more only when it wants more."""
FLOOR = 8
"""An idle runtime keeps this part (one in so many) of an equal share, so that it can start at once."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one runtime has of a project's runs."""

    told: int | None = None
    """Its share; None before the first."""
    kept: int | None = None
    """Runs in one window that it says it keeps to; None as long as it says nothing of the project."""
    used: int = 0
    """Runs in the present window, by its last report."""
    wanted: int = 0
    """Runs asked for lately, those used included."""

    @property
    def most(self) -> int:
        """Runs that a window may hold of it, if it is told nothing else."""
        return max(self.told or 0, self.kept or 0, self.used)

    @property
    def is_settled(self) -> bool:
        """Whether it keeps to what it was told; until then what it may run is not known well: no change."""
        return self.kept is not None and self.told in (None, self.kept)

    @property
    def left_behind(self) -> int:
        """Runs of its last window, at most, if it is gone."""
        return max(self.used, min(max(self.told or 0, self.kept or 0), self.wanted))


def holding(project: str, window: timedelta, runtime: MCPRuntime, now: datetime) -> Holding:
    """What a runtime has of a project; what it used by an old report has left the window."""
    reports = runtime.status.projects
    report = next((each for each in reports if each.project == project), ProjectReport(project=project))
    return Holding(
        told=next((share.runs for share in runtime.spec.shares if share.project == project), None),
        kept=report.runs_allowed,
        used=report.runs_used if reported_within(runtime, window, now) else 0,
        wanted=report.runs_wanted,
    )


def reported_within(runtime: MCPRuntime, age: timedelta, now: datetime) -> bool:
    """Whether a runtime's last report is younger than that."""
    reported = runtime.status.report_time
    return reported is not None and now < reported + age


def shares(
    projects: Sequence[PipedreamProject],
    ready_runtimes: Sequence[MCPRuntime],
    elsewhere: Mapping[str, int],
    now: datetime,
) -> Mapping[str, list[Share]]:
    """What to tell the ready runtimes of a namespace now; in any order, all at once or one by one.

    A division that gives everybody what is due to them stays as it is.

    Args:
        projects: whose runs are divided.
        ready_runtimes: who gets them.
        elsewhere: by project, the runs that others may hold in the present window.
        now: the present moment.
    """
    told: dict[str, list[Share]] = {
        name: [] for name in sorted(each.metadata.name for each in ready_runtimes)
    }
    for project in sorted(projects, key=lambda project: project.metadata.name):
        name, limits = project.metadata.name, project.spec.limits
        held = {each.metadata.name: holding(name, limits.window, each, now) for each in ready_runtimes}
        due = divide(
            limits.tool_runs,
            {each: has.wanted for each, has in held.items()},
            {each: has.told or 0 for each, has in held.items()},
        )
        for each, runs in allowed(limits.tool_runs - elsewhere.get(name, 0), due, held).items():
            told[each].append(Share(project=name, runs=runs, window=limits.window))
    return told


def allowed(runs: int, due: Mapping[str, int], held: Mapping[str, Holding]) -> Mapping[str, int]:
    """What each may be told of what is due to it: nobody gets what another may still run.

    Who says nothing of the project yet is told nothing.

    Args:
        runs: what there is.
        due: what each is to have in the end.
        held: what each has.
    """
    room = max(runs - sum(has.most for has in held.values()), 0)
    kept = {each: min(due[each], has.most) for each, has in held.items() if has.is_settled}
    more = _leveled(room, {each: due[each] - has for each, has in kept.items()})
    unsettled = {each: has.told for each, has in held.items() if each not in kept and has.told is not None}
    return {**unsettled, **{each: has + more[each] for each, has in kept.items()}}


def divide(runs: int, wanted: Mapping[str, int], present: Mapping[str, int]) -> Mapping[str, int]:
    """Divide runs by what each wants; what nobody wants goes to all alike.

    Args:
        runs: what there is.
        wanted: what each asked for lately.
        present: what each has; kept if it is all there is and leaves nobody short.
    """
    if not wanted:
        return {}
    equal = runs // len(wanted)
    floor = max(equal // FLOOR, min(equal, 1))
    due = _leveled(runs, {each: max(want * HEADROOM, floor) for each, want in wanted.items()})
    kept = {each: present.get(each, 0) for each in due}
    leaves_nobody_short = all(kept[each] >= due[each] for each in due)
    if sum(kept.values()) == runs and leaves_nobody_short and any(wanted.values()):
        return kept
    part, rest = divmod(runs - sum(due.values()), len(due))
    return {each: due[each] + part + (place < rest) for place, each in enumerate(sorted(due))}


def _leveled(runs: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """What max-min fairness gives: everybody what they want, or else as much as anybody has."""
    given, left = dict[str, int](), runs
    for place, each in enumerate(sorted(wanted, key=lambda each: (wanted[each], each))):
        given[each] = min(wanted[each], left // (len(wanted) - place))
        left -= given[each]
    return given
