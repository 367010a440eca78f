"""Calls of tools through the official MCP client, as an agent's framework makes them."""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

_PAUSE_SECONDS = 0.05
_LAST_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent gets to see of a call.

    Attributes:
        text: the result's text.
        failed: whether it is marked as an error.
        details: the result's structured part.
        is_demo: whether it is marked as made up.
    """

    text: str
    failed: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    is_demo: bool = False


def tools_at(url: str) -> Sequence[str]:
    """The names of the tools an endpoint offers."""

    async def listed() -> list[str]:
        async with _client(url) as client:
            names: list[str] = []
            cursor = None
            while True:
                page = await client.list_tools(cursor=cursor)
                names += [tool.name for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    return names

    return asyncio.run(listed())


def call(url: str, tool: str, arguments: Mapping[str, Any] | None = None) -> Answer:
    """Call one tool."""

    async def called() -> Answer:
        async with _client(url) as client:
            return _answer(await client.call_tool(tool, dict(arguments or {})))

    return asyncio.run(called())


def _client(url: str) -> "Client":
    from mcp import Client  # noqa: PLC0415 - takes a second to load, and the demo begins without it

    return Client(url)


def _answer(result: "CallToolResult") -> Answer:
    texts = [item.text for item in result.content if item.type == "text"]
    return Answer(
        text="\n".join(texts),
        failed=bool(result.is_error),
        details=result.structured_content or {},
        is_demo=bool((result.meta or {}).get("pipewise/demo")),
    )


class Caller:
    """Calls a tool again and again from a thread of its own, one call after the other; a context manager."""

    def __init__(self, url: str, tool: str) -> None:
        self._url, self._tool = url, tool
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="caller", daemon=True)
        self.answered = 0
        self.problems: list[str] = []
        self.longest_seconds = 0.0

    def __enter__(self) -> Self:
        """Begin to call."""
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Let the last call come back."""
        self._stopped.set()
        self._thread.join(_LAST_ANSWER_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._call_on())
        except Exception as error:  # noqa: BLE001 - a task's edge: what broke the calls is the finding
            self.problems.append(f"{type(error).__name__}: {error}")

    async def _call_on(self) -> None:
        async with _client(self._url) as client:
            while not self._stopped.is_set():
                started = time.monotonic()
                answer = _answer(await client.call_tool(self._tool, {}))
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - started)
                self.answered += 1
                if answer.failed:
                    self.problems.append(answer.text)
                await asyncio.sleep(_PAUSE_SECONDS)
