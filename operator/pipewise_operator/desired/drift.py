"""What has to be applied and deleted so that the objects there are become those that are wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipewise_operator.injection.quantities import amount

Body = Mapping[str, Any]


class Name(NamedTuple):
    """An object among those of all kinds."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, body: Body) -> "Name":
        """The name of an object."""
        return cls(body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Drift:
    """What is not as it should be."""

    apply: list[Body]
    delete: list[Body]


_UNLISTED = "apiVersion"
"""What the items of a list do not say of themselves; their kind stands for it."""


def drift(wanted: Iterable[Body], found: Iterable[Body]) -> Drift:
    """Compare; fields nobody asked for (defaults, status) and other ways to write a quantity do not count."""
    there = {Name.of(body): body for body in found}
    asked = {Name.of(body): body for body in wanted}
    return Drift(
        apply=[body for name, body in asked.items() if name not in there or not _is_met(there[name], body)],
        delete=[body for name, body in there.items() if name not in asked and not _is_going(body)],
    )


def says(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether an object has everything that is wanted of it."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            says(found.get(name), value) or (value in ([], {}) and name not in found)
            for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(says(there, asked) for there, asked in zip(found, wanted, strict=True))
        )
    if isinstance(wanted, str) and isinstance(found, str):
        return found == wanted or (amount(found) is not None and amount(found) == amount(wanted))
    return bool(found == wanted)


def _is_met(found: Body, wanted: Body) -> bool:
    return says(found, {name: value for name, value in wanted.items() if name != _UNLISTED})


def _is_going(body: Body) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))
