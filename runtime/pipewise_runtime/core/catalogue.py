"""The tools an agent sees: those of all its services, filtered, named without collisions, encoded once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

import msgspec

from .param_headers import ParamHeader, param_headers

LONGEST_NAME = 64
"""Model providers accept no longer tool names (OpenAI's function names)."""


_DIGEST = 8
"""Hexadecimal digits that tell shortened names apart."""


class _Annotations(msgspec.Struct, frozen=True, rename="camel"):
    read_only_hint: bool | None = None


class _Definition(msgspec.Struct, frozen=True):
    name: str
    annotations: _Annotations | None = None


class _Schema(msgspec.Struct, frozen=True, rename="camel"):
    input_schema: Any = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of an app, with its definition as the upstream encoded it."""

    name: str
    read_only: bool
    definition: bytes
    headers: tuple[ParamHeader, ...] = ()
    """The arguments that travel as headers too."""

    def named(self, name: str) -> bytes:
        """The encoded definition under another name."""
        if name == self.name:
            return self.definition
        fields = msgspec.json.decode(self.definition, type=dict[str, msgspec.Raw])
        return msgspec.json.encode({**fields, "name": name})


@dataclass(frozen=True, slots=True, eq=False)
class Toolset:
    """All tools of an app at one time; another list is another toolset."""

    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What one service brings to its agent."""

    service: str
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    toolset: Toolset

    def allows(self, tool: str) -> bool:
        """Whether the agent may see a tool; deny wins, and an empty allow list allows all."""
        if any(fnmatchcase(tool, glob) for glob in self.deny):
            return False
        return not self.allow or any(fnmatchcase(tool, glob) for glob in self.allow)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call of an offered tool goes."""

    service: int
    """The service's place among those of the binding."""
    tool: Tool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What an agent sees: the routes by offered name and the encoded result of tools/list."""

    routes: Mapping[str, Route]
    listing: bytes


def tool_from(definition: bytes) -> Tool:
    """Read one entry of an upstream's tools/list.

    Raises:
        msgspec.ValidationError: it is not a tool definition.
    """
    read = msgspec.json.decode(definition, type=_Definition)
    read_only = bool(read.annotations and read.annotations.read_only_hint)
    if b'"x-mcp-header"' not in definition:
        return Tool(read.name, read_only, definition)
    schema = msgspec.json.decode(definition, type=_Schema).input_schema
    return Tool(read.name, read_only, definition, param_headers(schema))


def catalogue(offers: Sequence[Offer]) -> Catalogue:
    """Put together what an agent sees; one offer for each service of the binding, in order."""
    routes: dict[str, Route] = {}
    for place, offer in enumerate(offers):
        tools = {tool.name: tool for tool in reversed(offer.toolset.tools)}  # of two with one name, the first
        for tool in reversed(tools.values()):
            if offer.allows(tool.name):
                routes[_offered_name(offer.service, tool.name, routes)] = Route(place, tool)
    listed = b",".join(route.tool.named(name) for name, route in routes.items())
    return Catalogue(routes, b'{"tools":[' + listed + b"]}")


def _offered_name(service: str, tool: str, taken: Mapping[str, Route]) -> str:
    """The tool's own name; where an earlier service offers it already, the service's name goes in front.

    Where neither fits, a digest makes a shortened name unique, and the same at all times.
    """
    for name in (tool, f"{service}_{tool}"):
        if len(name) <= LONGEST_NAME and name not in taken:
            return name
    digest = sha256(f"{service}/{tool}".encode()).hexdigest()[:_DIGEST]
    return f"{tool[: LONGEST_NAME - _DIGEST - 1]}_{digest}"
