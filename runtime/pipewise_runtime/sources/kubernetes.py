"""Bindings and projects of one namespace, followed by watches; and this runtime's own object, for its shares.

Delivers to the sink; tells the token source of new tokens and the report of bindings that moved.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog
from lightkube import AsyncClient
from pydantic import BaseModel, ValidationError

from pipewise_crds import AgentMCPBinding, MCPRuntime, PipedreamProject, Share
from pipewise_runtime.core.quota import starting_share
from pipewise_runtime.ports import Sink
from pipewise_runtime.served import Project, served_project

from .cluster import BINDINGS, PROJECTS, RUNTIMES
from .roster import Roster, Scope
from .watching import Eyes, Object, Watch

log = structlog.get_logger()

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who else wants to know.

    Attributes:
        token_changed: takes a project's name and when its current token expires.
        bindings_moved: called when a binding came or changed its generation.
        runtime_deleted: called when this runtime's own object was deleted.
    """

    token_changed: Callable[[str, datetime | None], None]
    bindings_moved: Callable[[], None]
    runtime_deleted: Callable[[], None]


class KubernetesSource:
    """Delivers a namespace's bindings and projects to the sink.

    Args:
        client: the client of the namespace.
        name: the name of this runtime's own MCPRuntime.
        scope: which bindings are this runtime's.
        sink: where to deliver.
    """

    def __init__(self, client: AsyncClient, name: str, scope: Scope, sink: Sink) -> None:
        self._sink = sink
        self._listeners: Listeners
        self._roster = Roster(scope, sink)
        self._projects: dict[str, Project] = {}
        self._shares: list[Share] = []
        self._has_recalled = False
        self._synced_through = 0
        self.synced = asyncio.Event()
        """Set when all there was at the start was taken up."""
        project_eyes = Eyes(self._projects_listed, self._put_project, self._project_deleted)
        binding_eyes = Eyes(self._bindings_listed, self._put_binding, self._binding_deleted)
        runtime_eyes = Eyes(self._runtime_listed, self._put_runtime, self._runtime_deleted)
        self._project_watch = Watch(client, PROJECTS, project_eyes)
        self._binding_watch = Watch(client, BINDINGS, binding_eyes)
        self._runtime_watch = Watch(client, RUNTIMES, runtime_eyes, {"metadata.name": name})

    async def run(self, listeners: Listeners) -> None:
        """Follow the namespace until cancelled; the listeners hear of it from the first moment."""
        self._listeners = listeners
        async with asyncio.TaskGroup() as group:
            group.create_task(self._project_watch.run(), name="watch projects")
            group.create_task(self._binding_watch.run(), name="watch bindings")
            group.create_task(self._runtime_watch.run(), name="watch runtime")
            await self._project_watch.synced.wait()
            await self._binding_watch.synced.wait()
            self.synced.set()

    @property
    def is_synced(self) -> bool:
        """Whether all there was at the start was taken up."""
        return self.synced.is_set()

    @property
    def synced_through(self) -> str:
        """The resourceVersion up to which bindings were taken up."""
        return str(self._synced_through)

    @property
    def bindings(self) -> int:
        """Bindings served."""
        return len(self._roster)

    def take_moved(self) -> bool:
        """Whether a binding came or changed its generation since this was last asked."""
        moved, self._roster.has_moved = self._roster.has_moved, False
        return moved

    def _bindings_listed(self, objects: Sequence[Object], version: str) -> None:
        for binding in objects:
            self._put_binding(binding)
        self._roster.keep_only(_name(binding) for binding in objects)
        self._passed(version)

    def _put_binding(self, found: Object) -> None:
        if not self._roster.concerns(found["spec"].get("agent", "")):
            return
        binding = _parsed(AgentMCPBinding, found)
        if binding:
            self._roster.put(binding)
        else:
            self._roster.remove(_name(found))
        self._passed(found["metadata"]["resourceVersion"])

    def _binding_deleted(self, found: Object) -> None:
        self._roster.remove(_name(found))
        self._passed(found["metadata"]["resourceVersion"])

    def _passed(self, version: str) -> None:
        """Note how far bindings were taken up; versions of one kind of object grow."""
        self._synced_through = max(self._synced_through, int(version))
        if self._roster.has_moved:
            self._listeners.bindings_moved()

    def _projects_listed(self, objects: Sequence[Object], _version: str) -> None:
        for project in objects:
            self._put_project(project)
        for name in self._projects.keys() - {_name(project) for project in objects}:
            self._drop_project(name)

    def _put_project(self, found: Object) -> None:
        project = _parsed(PipedreamProject, found)
        if project is None or project.metadata.deletion_timestamp is not None:
            self._drop_project(_name(found))
            return
        served = served_project(project)
        if self._projects.get(served.name) != served:
            self._projects[served.name] = served
            self._sink.serve_project(served)
        self._share(project)
        if project.status.quota and project.status.quota.retry_at:
            self._sink.hold_off(served.name, project.status.quota.retry_at)
        self._listeners.token_changed(served.name, project.status.token_expires_at)

    def _share(self, project: PipedreamProject) -> None:
        """Tell what may be run of the project: what the operator said, or little until it does."""
        name, limits = project.metadata.name, project.spec.limits
        start = Share(project=name, runs=starting_share(limits.tool_runs), window=limits.window)
        share = next((each for each in self._shares if each.project == name), start)
        self._sink.share(name, share.runs, share.window.total_seconds())

    def _project_deleted(self, found: Object) -> None:
        self._drop_project(_name(found))

    def _drop_project(self, name: str) -> None:
        if self._projects.pop(name, None):
            self._sink.drop_project(name)
            self._listeners.token_changed(name, None)

    def _runtime_listed(self, objects: Sequence[Object], _version: str) -> None:
        for runtime in objects:
            self._put_runtime(runtime)
        self._has_recalled = True  # what is reported from now on is our own
        if not objects:
            self._runtime_gone()

    def _put_runtime(self, found: Object) -> None:
        runtime = _parsed(MCPRuntime, found)
        if runtime is None:
            return
        self._recall(runtime)
        if runtime.spec.shares == self._shares:
            return
        self._shares = runtime.spec.shares
        for share in self._shares:
            self._sink.share(share.project, share.runs, share.window.total_seconds())

    def _recall(self, runtime: MCPRuntime) -> None:
        """Take up from the first sight of our object what a process before this one reported to have run."""
        if self._has_recalled:
            return
        self._has_recalled = True
        shared, reported = {share.project for share in runtime.spec.shares}, runtime.status.report_time
        for report in runtime.status.projects:
            if report.project in shared and report.runs_used and reported:
                self._sink.ran_before(report.project, report.runs_used, reported)

    def _runtime_deleted(self, _found: Object) -> None:
        self._runtime_gone()

    def _runtime_gone(self) -> None:
        self._shares = []
        self._listeners.runtime_deleted()


def _name(found: Object) -> str:
    name: str = found["metadata"]["name"]
    return name


def _parsed(model: type[M], found: Object) -> M | None:
    """Read an object; one that does not fit the model is logged without its values, and None."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        faults = [
            {"field": fault["loc"], "problem": fault["msg"]} for fault in error.errors(include_input=False)
        ]
        log.warning("object_invalid", kind=model.__name__, name=_name(found), faults=faults)
        return None
