"""What one connected account holds: records by kind, found again by id or by their words.

The store behind every app in ``apps``; pure, and without an opinion on what a record looks like.
"""

from collections.abc import Callable, Iterable
from typing import Any

Record = dict[str, Any]


class Records:
    """The records of one account of one app.

    Args:
        next_number: Gives the next number of the sandbox; ids are made from it.
    """

    __slots__ = ("_kinds", "next_number")

    def __init__(self, next_number: Callable[[], int]) -> None:
        self.next_number = next_number
        self._kinds: dict[str, dict[str, Record]] = {}

    def add(self, kind: str, key: object, record: Record) -> Record:
        """Keep a record under its key (compared as text); an older one under the same key is replaced."""
        self._kinds.setdefault(kind, {})[str(key)] = record
        return record

    def get(self, kind: str, key: object) -> Record | None:
        """The record under a key."""
        return self._kinds.get(kind, {}).get(str(key))

    def remove(self, kind: str, key: object) -> Record | None:
        """Forget a record; gives it back if it was there."""
        return self._kinds.get(kind, {}).pop(str(key), None)

    def all(self, kind: str) -> list[Record]:
        """All records of a kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def kinds(self) -> list[str]:
        """The kinds that hold or held a record."""
        return list(self._kinds)

    def having(self, kind: str, **fields: object) -> list[Record]:
        """The records of a kind whose fields have these values (compared as text); None matches anything."""
        wanted = {name: str(value) for name, value in fields.items() if value is not None}
        return [
            record
            for record in self.all(kind)
            if all(str(record.get(name)) == value for name, value in wanted.items())
        ]

    def mentioning(self, kind: str, words: str) -> list[Record]:
        """The records of a kind with these words in any of their texts, whatever the case."""
        sought = words.casefold()
        return [record for record in self.all(kind) if any(sought in text for text in _texts(record))]


def _texts(value: object) -> Iterable[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case str() | int():
            yield str(value).casefold()
