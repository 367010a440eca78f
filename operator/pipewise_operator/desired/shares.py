"""Each runtime's share of each project's quota, so that together they never ask for more than there is.

By demand and max-min fair: whoever wants little gets it, the others get equal parts of the rest.
"""

from collections.abc import Mapping, Sequence

from pipewise_crds import MCPRuntime, PipedreamProject, Share

HEADROOM = 2
"""A runtime is given room for this many times what it wants: it tells of more only when it wants more."""
FLOOR = 8
"""An idle runtime keeps this part (one in so many) of an equal share, so that it can start at once."""


def shares(
    projects: Sequence[PipedreamProject], ready_runtimes: Sequence[MCPRuntime]
) -> Mapping[str, list[Share]]:
    """Divide every project's runs over the ready runtimes of its namespace.

    A division that gives everybody what is due to them stays as it is.
    """
    runtimes = {runtime.metadata.name: runtime for runtime in ready_runtimes}
    divided: dict[str, list[Share]] = {name: [] for name in sorted(runtimes)}
    for project in sorted(projects, key=lambda project: project.metadata.name):
        name, limits = project.metadata.name, project.spec.limits
        wanted = {each: _wanted(name, runtime) for each, runtime in runtimes.items()}
        present = {each: _present(name, runtime) for each, runtime in runtimes.items()}
        for each, runs in divide(limits.tool_runs, wanted, present).items():
            divided[each].append(Share(project=name, runs=runs, window=limits.window))
    return divided


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


def lowered(
    before: Mapping[str, Sequence[Share]], after: Mapping[str, Sequence[Share]]
) -> Mapping[str, list[Share]]:
    """What to tell first, so that the sum is kept to all the time: those who get less of a project."""
    told = {}
    for name, divided in after.items():
        had = {share.project: share.runs for share in before.get(name, ())}
        if any(share.runs < had.get(share.project, 0) for share in divided):
            known = (share for share in divided if share.project in had)
            told[name] = [
                each.model_copy(update={"runs": min(each.runs, had[each.project])}) for each in known
            ]
    return told


def _leveled(runs: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """What max-min fairness gives: everybody what they want, or else as much as anybody has."""
    given, left = dict[str, int](), runs
    for place, each in enumerate(sorted(wanted, key=lambda each: (wanted[each], each))):
        given[each] = min(wanted[each], left // (len(wanted) - place))
        left -= given[each]
    return given


def _wanted(project: str, runtime: MCPRuntime) -> int:
    return sum(report.runs_wanted for report in runtime.status.projects if report.project == project)


def _present(project: str, runtime: MCPRuntime) -> int:
    return sum(share.runs for share in runtime.spec.shares if share.project == project)
