"""What must be judged again: filled by observations, emptied in batches by the reconciler."""

from collections.abc import Callable, Iterable

from .keys import Key


class Dirty:
    """Sets of keys, and a call when something is put in."""

    def __init__(self) -> None:
        self._changed: Callable[[], None] = lambda: None
        self.bindings: dict[Key, None] = {}
        self.projects: dict[Key, None] = {}
        self.shares: dict[str, None] = {}
        self.children: dict[str, None] = {}

    def call(self, changed: Callable[[], None]) -> None:
        """Have this called whenever something is put in."""
        self._changed = changed

    def mark(
        self,
        *,
        bindings: Iterable[Key] = (),
        projects: Iterable[Key] = (),
        shares: Iterable[str] = (),
        children: Iterable[str] = (),
    ) -> None:
        """Have these judged again.

        `shares` are namespaces whose quota is to be divided again, `children` those whose runtimes' objects
        are to be looked at again.
        """
        self.bindings |= dict.fromkeys(bindings)
        self.projects |= dict.fromkeys(projects)
        self.shares |= dict.fromkeys(shares)
        self.children |= dict.fromkeys(children)
        if self:
            self._changed()

    def take_bindings(self, most: int) -> list[Key]:
        """Take the bindings that have waited longest, so that one busy namespace starves nobody."""
        taken = list(self.bindings)[:most]
        for key in taken:
            del self.bindings[key]
        return taken

    def take_projects(self) -> list[Key]:
        """Take all waiting projects."""
        taken, self.projects = list(self.projects), {}
        return taken

    def take_shares(self) -> list[str]:
        """Take all namespaces whose quota is to be divided again."""
        taken, self.shares = list(self.shares), {}
        return taken

    def take_children(self) -> list[str]:
        """Take all namespaces whose runtimes' objects are to be looked at again."""
        taken, self.children = list(self.children), {}
        return taken

    def __bool__(self) -> bool:
        return bool(self.bindings or self.projects or self.shares or self.children)
