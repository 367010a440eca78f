"""The division of a namespace's quotas, out of the observed state."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pipewise_crds import REPORT_STALE_AFTER, MCPRuntime, PipedreamProject, Share

from .desired.shares import holding, reported_within, shares
from .keys import Key
from .world import World


def shares_due(world: World, namespace: str) -> Mapping[str, list[Share]]:
    """What to tell each ready runtime of the namespace now."""
    projects = _projects(world, namespace)
    runtimes = world.runtimes_in(namespace)
    ready = [record.registration.runtime for record in runtimes if record.ready]
    unready = [record.registration.runtime for record in runtimes if not record.ready]
    elsewhere = {project.metadata.name: _elsewhere(world, project, unready) for project in projects}
    return shares(projects, ready, elsewhere, world.clock())


def runs_used(world: World, key: Key, project: PipedreamProject) -> int:
    """Runs in the present window of a project, by the last reports of its runtimes and those gone lately."""
    now, window = world.clock(), project.spec.limits.window
    known = (record.registration.runtime for record in world.runtimes_in(key.namespace))
    return world.departed.runs(key, now) + sum(holding(key.name, window, each, now).used for each in known)


def next_look(world: World, namespace: str) -> datetime | None:
    """When time alone changes what may be told: runs leave the window, or a silent runtime counts as gone."""
    now = world.clock()
    moments = [*_ends(world, namespace), world.departed.next_end(namespace)]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def _projects(world: World, namespace: str) -> list[PipedreamProject]:
    return [
        record.project
        for key, record in world.projects.items()
        if key.namespace == namespace and not record.invalid
    ]


def _elsewhere(world: World, project: PipedreamProject, unready: list[MCPRuntime]) -> int:
    """Runs that a window may hold of those who are not ready: all they may do while they still report."""
    now, name = world.clock(), project.metadata.name
    left = world.departed.runs(Key(project.metadata.namespace, name), now)
    for runtime in unready:
        held = holding(name, project.spec.limits.window, runtime, now)
        left += held.most if reported_within(runtime, REPORT_STALE_AFTER, now) else held.used
    return left


def _ends(world: World, namespace: str) -> Iterator[datetime]:
    windows = {project.metadata.name: project.spec.limits.window for project in _projects(world, namespace)}
    for record in world.runtimes_in(namespace):
        status = record.registration.runtime.status
        if status.report_time is None:
            continue
        if not record.ready:
            yield status.report_time + REPORT_STALE_AFTER
        for report in status.projects:
            if report.runs_used and report.project in windows:
                yield status.report_time + windows[report.project]
