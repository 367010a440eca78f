"""Which bindings share a project, a user or an (agent, user) pair: sets of keys by any hashable value."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from .keys import Key

V = TypeVar("V", bound=Hashable)


class Index(Generic[V]):
    """Keys by value; values without keys are forgotten."""

    def __init__(self) -> None:
        self._keys: dict[V, set[Key]] = {}

    def add(self, value: V, key: Key) -> None:
        """Remember that a key has this value."""
        self._keys.setdefault(value, set()).add(key)

    def discard(self, value: V, key: Key) -> None:
        """Forget that a key has this value."""
        keys = self._keys.get(value)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._keys[value]

    def __getitem__(self, value: V) -> frozenset[Key]:
        return frozenset(self._keys.get(value, ()))
