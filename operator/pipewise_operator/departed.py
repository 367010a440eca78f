"""What runtimes that are gone have run lately: it counts until it has left the window."""

from datetime import datetime

from pipewise_crds import MCPRuntime

from .desired.shares import holding
from .keys import Key


class Departed:
    """The runs that gone runtimes left behind, by project. Plain and synchronous."""

    def __init__(self) -> None:
        self._left: dict[Key, list[tuple[datetime, int]]] = {}
        """Until when they count, and how many."""

    def note(self, runtime: MCPRuntime, now: datetime) -> None:
        """A runtime is gone."""
        for share in runtime.spec.shares:
            runs = holding(share.project, share.window, runtime, now).left_behind
            if runs:
                key = Key(runtime.metadata.namespace, share.project)
                self._left.setdefault(key, []).append((now + share.window, runs))

    def runs(self, project: Key, now: datetime) -> int:
        """Runs of a project that the present window may still hold."""
        left = [(ends, runs) for ends, runs in self._left.pop(project, ()) if ends > now]
        if left:
            self._left[project] = left
        return sum(runs for _, runs in left)

    def next_end(self, namespace: str) -> datetime | None:
        """When the first of them leave the window."""
        ends = (end for key, left in self._left.items() if key.namespace == namespace for end, _ in left)
        return min(ends, default=None)
