"""A JSON patch (RFC 6902) as it grows: each change is noted, and made in a copy that later changes see."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

Json = dict[str, Any]


class Draft:
    """An object and the operations that turn it into what is wanted. What is so already is not noted."""

    def __init__(self, original: Mapping[str, Any]) -> None:
        self.object: Json = deepcopy(dict(original))
        self._operations: list[Json] = []

    @property
    def operations(self) -> tuple[Json, ...]:
        """The patch so far."""
        return tuple(deepcopy(self._operations))

    def put(self, place: Sequence[str | int], key: str, value: str) -> None:
        """Set one entry of a mapping of texts, such as labels, which is made if need be."""
        mapping = self._at(place)
        if not mapping:
            self._add(place, {key: value})
        elif mapping.get(key) != value:
            self._add((*place, key), value, op="replace" if key in mapping else "add")

    def keep(self, place: Sequence[str | int], wanted: Json, *, first: bool = False) -> None:
        """Have an entry with this name in a list of named entries, whatever else it says."""
        self._insert(place, wanted, first=first)

    def have(self, place: Sequence[str | int], wanted: Json, *, first: bool = False) -> None:
        """Have this very entry in a list of named entries; more fields than wanted are left alone."""
        for index, entry in enumerate(self._at(place) or ()):
            if entry.get("name") == wanted["name"]:
                if not covers(entry, wanted):
                    self._add((*place, index), wanted, op="replace")
                return
        self._insert(place, wanted, first=first)

    def _insert(self, place: Sequence[str | int], wanted: Json, *, first: bool) -> None:
        entries = self._at(place)
        if not entries:
            self._add(place, [wanted])
        elif all(entry.get("name") != wanted["name"] for entry in entries):
            self._add((*place, 0 if first else "-"), wanted)

    def _at(self, place: Sequence[str | int]) -> Any:  # noqa: ANN401 - JSON
        found: Any = self.object
        for step in place:
            found = found.get(step) if isinstance(found, dict) else found[step]
        return found

    def _add(self, place: Sequence[str | int], value: Any, op: str = "add") -> None:  # noqa: ANN401 - JSON
        path = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)
        self._operations.append({"op": op, "path": path, "value": deepcopy(value)})
        parent, last = self._at(place[:-1]), place[-1]
        if isinstance(parent, list) and op == "add":
            parent.insert(len(parent) if last == "-" else int(last), deepcopy(value))
        else:
            parent[last] = deepcopy(value)


def covers(existing: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether something says all that is wanted; defaults and what others added do no harm."""
    if existing == wanted:
        return True
    if isinstance(wanted, dict):
        return isinstance(existing, dict) and all(
            key in existing and covers(existing[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(existing, list):
        if wanted and all(_is_named(each) for each in (*wanted, *existing)):
            named = {each["name"]: each for each in existing}
            return all(covers(named.get(each["name"]), each) for each in wanted)
        return len(existing) == len(wanted) and all(map(covers, existing, wanted))
    return False


def _is_named(entry: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)
