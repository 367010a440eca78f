"""Who wants to know when an agent's list of tools changes: the streams that clients keep open."""

from collections.abc import Callable, Iterable

from .served import ServedBinding

Changed = Callable[[], None]


class ToolChanges:
    """The watchers of each agent and user."""

    def __init__(self) -> None:
        self._watchers: dict[tuple[str, str], list[Changed]] = {}

    def watch(self, agent: str, user: str, changed: Changed) -> Changed:
        """Tell of changes from now on; the answer is what ends that."""
        place = (agent, user)
        self._watchers.setdefault(place, []).append(changed)

        def unwatch() -> None:
            watchers = self._watchers[place]
            watchers.remove(changed)
            if not watchers:
                del self._watchers[place]

        return unwatch

    def tell(self, bindings: Iterable[ServedBinding]) -> None:
        """The tools of these bindings changed."""
        if self._watchers:
            for binding in bindings:
                for changed in self._watchers.get((binding.agent, binding.user), ()):
                    changed()
