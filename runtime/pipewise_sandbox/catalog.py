"""The apps and tools the sandbox offers: real Pipedream component keys, props and annotations.

Read from ``catalog.json`` on first use and shared by every ``Backend`` of the process; nothing here changes
after that.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipewise_sandbox.schema import Argument, input_schema

_FILE = Path(__file__).with_name("catalog.json")


@dataclass(frozen=True, slots=True)
class Tool:
    """One Pipedream action as an MCP tool."""

    key: str
    title: str
    app: str
    reads: bool
    arguments: Mapping[str, Argument]
    definition: Mapping[str, Any]
    """The tool as ``tools/list`` serves it."""

    @property
    def phrase(self) -> str:
        """The key without its app: ``send-email-single-recipient``."""
        return self.key.split("-", 1)[1]


@dataclass(frozen=True, slots=True)
class App:
    """One app and its tools, in the order Pipedream lists them."""

    slug: str
    title: str
    auth_type: str
    tools: Mapping[str, Tool]
    definitions: Sequence[dict[str, Any]]


@cache
def apps() -> Mapping[str, App]:
    """All apps by slug."""
    raw = json.loads(_FILE.read_text(encoding="utf-8"))
    return {slug: _app(slug, entry) for slug, entry in raw.items()}


def tool_of(app: str, key: str) -> Tool | None:
    """The tool with this key, if the app offers it."""
    known = apps().get(app)
    return known.tools.get(key) if known else None


def _app(slug: str, entry: Mapping[str, Any]) -> App:
    tools = {raw["key"]: _tool(slug, raw) for raw in entry["tools"]}
    definitions = [dict(tool.definition) for tool in tools.values()]
    return App(slug, entry["name"], entry["auth_type"], tools, definitions)


def _tool(app: str, raw: Mapping[str, Any]) -> Tool:
    definition = {
        "name": raw["key"],
        "title": raw["name"],
        "description": raw["description"],
        "inputSchema": input_schema(raw["props"]),
        "annotations": {"title": raw["name"], **raw["annotations"]},
    }
    return Tool(
        key=raw["key"],
        title=raw["name"],
        app=app,
        reads=bool(raw["annotations"].get("readOnlyHint")),
        arguments={prop["name"]: Argument.of(prop) for prop in raw["props"]},
        definition=definition,
    )
