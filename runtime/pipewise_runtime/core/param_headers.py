"""Arguments of a tool that also travel as HTTP headers, as its schema's `x-mcp-header` says (MCP 2026-07-28).

Pure. A schema whose annotations are not those of the specification has no such headers.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ANNOTATION = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PLAIN = re.compile(r"[\x20-\x7E]*")
_DECIMAL = re.compile(r"(-?[0-9]+)(?:\.0+)?")
_BEGIN, _END = "=?base64?", "?="
_SCHEMA_IN = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_MORE_SCHEMA_IN = ("unevaluatedItems", "unevaluatedProperties", "contentSchema")
_SCHEMAS_IN = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED_SCHEMAS_IN = ("patternProperties", "dependentSchemas", "$defs", "definitions")


@dataclass(frozen=True, slots=True)
class ParamHeader:
    """One argument that travels as a header too."""

    path: tuple[str, ...]
    """The names of the properties that lead to it."""
    name: str
    """The header's name in lower case."""
    is_integer: bool


def param_headers(schema: object) -> tuple[ParamHeader, ...]:
    """The headers that a tool's input schema asks for; none when one of its annotations is not allowed."""
    found: list[ParamHeader] = []
    for path, node in _positions(schema):
        if _ANNOTATION not in node:
            continue
        token, kind = node[_ANNOTATION], node.get("type")
        is_named = isinstance(token, str) and bool(_TOKEN.fullmatch(token))
        if not path or not is_named or kind not in ("string", "integer", "boolean"):
            return ()
        found.append(ParamHeader(path, f"mcp-param-{token.lower()}", kind == "integer"))
    names = {header.name for header in found}
    return tuple(found) if len(names) == len(found) else ()


def lines(headers: Sequence[ParamHeader], arguments: object) -> dict[str, str]:
    """The headers to send with these arguments; an argument that is absent or null has none."""
    sent = {}
    for header in headers:
        text = _text(_value(arguments, header.path))
        if text is not None:
            sent[header.name] = encoded(text)
    return sent


def mismatch(headers: Sequence[ParamHeader], arguments: object, received: Mapping[str, str]) -> str:
    """What is wrong with the headers received beside these arguments, or nothing."""
    for header in headers:
        value, raw = _value(arguments, header.path), received.get(header.name)
        text = _text(value)
        argument = ".".join(header.path)
        if raw is None:
            if text is not None:
                return f"{header.name} is missing although the argument {argument} is there"
        elif text is None or not _matches(header, value, text, decoded(raw)):
            return f"{header.name} does not say the same as the argument {argument}"
    return ""


def encoded(text: str) -> str:
    """A header's value for a text; in base64 where HTTP would not carry it as it is."""
    is_plain = bool(_PLAIN.fullmatch(text)) and text == text.strip()
    if is_plain and not (text.startswith(_BEGIN) and text.endswith(_END)):
        return text
    return _BEGIN + base64.b64encode(text.encode()).decode() + _END


def decoded(value: str) -> str | None:
    """The text that a header's value stands for; None where its base64 is not proper."""
    if not (value.startswith(_BEGIN) and value.endswith(_END)):
        return value
    payload = value[len(_BEGIN) : -len(_END)]
    try:
        content = base64.b64decode(payload, validate=True)
        return content.decode() if base64.b64encode(content).decode() == payload else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _matches(header: ParamHeader, value: object, text: str, said: str | None) -> bool:
    if said is None:
        return False
    number = _DECIMAL.fullmatch(said)
    if header.is_integer and number and isinstance(value, int | float) and not isinstance(value, bool):
        return int(number[1]) == value
    return said == text


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _value(arguments: object, path: tuple[str, ...]) -> object:
    for name in path:
        if not isinstance(arguments, dict):
            return None
        arguments = arguments.get(name)
    return arguments


def _positions(root: object) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """Every schema in a schema, with the properties that lead to it; None where other keywords do."""
    waiting: list[tuple[tuple[str, ...] | None, object]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        yield path, node
        for keyword, value in node.items():
            if keyword in _SCHEMA_IN or keyword in _MORE_SCHEMA_IN:
                waiting.append((None, value))
            elif keyword in _SCHEMAS_IN and isinstance(value, list):
                waiting += [(None, each) for each in value]
            elif keyword in _NAMED_SCHEMAS_IN and isinstance(value, dict):
                waiting += [(None, each) for each in value.values()]
            elif keyword == "properties" and isinstance(value, dict):
                waiting += [
                    ((*path, name) if path is not None else None, each) for name, each in value.items()
                ]
