"""Demo mode: made-up results from the in-process sandbox. It never makes a request to a real service."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from .clock import Clock
from .core.catalogue import Tool, Toolset, tool_from

if TYPE_CHECKING:
    from pipewise_sandbox.backend import Backend

META_KEY = "pipewise/demo"
PREFIX = "[demo] "


class Demo:
    """The sandbox's tools and results, marked as made up; nothing is loaded before the first use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._toolsets: dict[str, Toolset] = {}
        self._loaded: Backend | None = None

    def toolset(self, app: str) -> Toolset:
        """The tools of an app; none for an app the sandbox does not know."""
        if app not in self._toolsets:
            definitions = self._backend().tools(app)
            tools: tuple[Tool, ...] = tuple(tool_from(json.dumps(each).encode()) for each in definitions)
            self._toolsets[app] = Toolset(tools)
        return self._toolsets[app]

    def call(self, user: str, app: str, tool: str, arguments: Mapping[str, Any]) -> bytes:
        """The encoded result of a made-up call."""
        from pipewise_sandbox.backend import Call  # noqa: PLC0415 - most runtimes never serve a demo

        call = Call(user=user, app=app, tool=tool, arguments=arguments, now=self._clock.wall(), account=None)
        return msgspec.json.encode(_marked(self._backend().call(call)))

    def _backend(self) -> "Backend":
        if self._loaded is None:
            from pipewise_sandbox.backend import Backend  # noqa: PLC0415 - likewise

            self._loaded = Backend()
        return self._loaded


def _marked(result: Mapping[str, Any]) -> dict[str, Any]:
    text, *others = result["content"]  # the sandbox's results all begin with a text
    marked = {**text, "text": PREFIX + text["text"]}
    return {**result, "content": [marked, *others], "_meta": {**result["_meta"], META_KEY: True}}
