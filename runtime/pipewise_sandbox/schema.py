"""From a Pipedream component's props to the JSON schema its MCP tool serves, and to checked arguments.

Used by ``catalog``. The mapping is that of Pipedream's reference MCP server in tools-only mode: an optional
prop is optional *and* nullable, nothing beyond the props is allowed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCALARS = {"string", "integer", "number", "boolean"}
_DIALECT = "http://json-schema.org/draft-07/schema#"


def input_schema(props: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The ``inputSchema`` of a tool with these props, in the catalogue's order."""
    return {
        "type": "object",
        "properties": {prop["name"]: _property(prop) for prop in props},
        "required": [prop["name"] for prop in props if not prop.get("optional")],
        "additionalProperties": False,
        "$schema": _DIALECT,
    }


def _property(prop: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": prop["label"]} if "label" in prop else {}
    if prop.get("optional"):
        return {"anyOf": [{"anyOf": [{"not": {}}, _value(prop)]}, {"type": "null"}]} | described
    return _value(prop) | described


def _value(prop: Mapping[str, Any]) -> dict[str, Any]:
    kind: str = prop["type"]
    options = {"enum": prop["enum"]} if "enum" in prop else {}
    if kind.endswith("[]"):
        return {"type": "array", "items": {"type": kind.removesuffix("[]")} | options}
    if kind == "object":
        return {"type": "object", "properties": {}, "additionalProperties": True}
    if kind in _SCALARS:
        bounds = {
            word: prop[short] for short, word in (("min", "minimum"), ("max", "maximum")) if short in prop
        }
        return {"type": kind} | options | bounds
    return {}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument a tool takes, as far as checking goes."""

    name: str
    kind: str
    optional: bool
    options: tuple[Any, ...]

    @classmethod
    def of(cls, prop: Mapping[str, Any]) -> "Argument":
        """The argument behind a catalogue prop."""
        return cls(prop["name"], prop["type"], bool(prop.get("optional")), tuple(prop.get("enum", ())))


def problems(arguments: Mapping[str, Argument], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with the arguments of a call, as Pipedream's validator lists it; empty when fine."""
    unknown = [name for name in given if name not in arguments]
    found: list[dict[str, Any]] = []
    if unknown:
        keys = ", ".join(f"'{name}'" for name in unknown)
        message = f"Unrecognized key(s) in object: {keys}"
        found.append({"code": "unrecognized_keys", "keys": unknown, "path": [], "message": message})
    for argument in arguments.values():
        value = given.get(argument.name)
        if value is not None:
            found += _type_problem(argument, value)
        elif not argument.optional:
            expected = _json_type(argument.kind)
            received = "null" if argument.name in given else "undefined"
            found.append(_issue(argument.name, expected, received, "Required"))
    return found


def _type_problem(argument: Argument, value: object) -> list[dict[str, Any]]:
    item, is_list = argument.kind.removesuffix("[]"), argument.kind.endswith("[]")
    if is_list and not isinstance(value, list):
        return [_mismatch(argument.name, "array", value)]
    for element in value if is_list and isinstance(value, list) else [value]:
        if not _FITS.get(item, _anything)(element):
            return [_mismatch(argument.name, _json_type(item), element)]
        if argument.options and element not in argument.options:
            expected = " | ".join(f"'{option}'" for option in argument.options)
            message = f"Invalid enum value. Expected {expected}, received '{element}'"
            return [{"code": "invalid_enum_value", "path": [argument.name], "message": message}]
    return []


def _mismatch(name: str, expected: str, value: object) -> dict[str, Any]:
    received = _received(value)
    return _issue(name, expected, received, f"Expected {expected}, received {received}")


def _issue(name: str, expected: str, received: str, message: str) -> dict[str, Any]:
    return {
        "code": "invalid_type",
        "expected": expected,
        "received": received,
        "path": [name],
        "message": message,
    }


def _json_type(kind: str) -> str:
    return "array" if kind.endswith("[]") else kind


def _received(value: object) -> str:
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        type(None): "null",
    }
    return names.get(type(value), "object")


def _anything(_: object) -> bool:
    return True


_FITS: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
}
