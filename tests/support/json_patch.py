"""JSON Patch (RFC 6902) as an API server applies it: the operations our webhook uses, and no forgiveness."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any


def patched(document: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The document after all operations.

    Raises:
        AssertionError: an operation points to where nothing is.
    """
    made: dict[str, Any] = deepcopy(dict(document))
    for operation in operations:
        _apply(made, operation)
    return made


def _apply(document: Any, operation: Mapping[str, Any]) -> None:  # noqa: ANN401 - JSON
    steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
    parent = document
    for step in steps[:-1]:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    last, value = steps[-1], deepcopy(operation["value"])
    match operation["op"], parent:
        case "add", list():
            index = len(parent) if last == "-" else int(last)
            assert index <= len(parent), operation["path"]
            parent.insert(index, value)
        case "replace", list():
            parent[int(last)] = value
        case "add" | "replace" as op, dict():
            assert op == "add" or last in parent, operation["path"]
            parent[last] = value
        case other:
            raise AssertionError(f"{other[0]} at {operation['path']}")
