"""Each runtime's share of each project's quota, so that together they never ask for more than there is."""

from collections.abc import Mapping, Sequence

from pipewise_crds import PipedreamProject, Share


def shares(projects: Sequence[PipedreamProject], ready_runtimes: Sequence[str]) -> Mapping[str, list[Share]]:
    """Divide every project's runs equally over the ready runtimes of its namespace.

    What does not divide goes to the first runtimes by name, one run each, so that the sum is the limit.
    """
    names = sorted(set(ready_runtimes))
    ordered = sorted(projects, key=lambda project: project.metadata.name)
    return {
        name: [_share(project, place, len(names)) for project in ordered] for place, name in enumerate(names)
    }


def _share(project: PipedreamProject, place: int, among: int) -> Share:
    runs, rest = divmod(project.spec.limits.tool_runs, among)
    return Share(
        project=project.metadata.name,
        runs=runs + (1 if place < rest else 0),
        window=project.spec.limits.window,
    )
