"""What every MCP client is put through, and what it must see: the same without the runtime and with it.

A client is a `Talk`; those that are not Python, or another SDK, are programs that print what they have seen.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from .eventually import eventually

Seen = dict[str, Any]

UNICODE = 'ñ 漢字 🙂 \u2028 "quoted" \\ \t \u00e9'
CHARACTERS = 100_000
CALLS = 20

EXPECTED: Seen = {
    "tools": True,
    "echo": UNICODE,
    "tool error": "This tool intentionally returns an error for testing",
    "fault": "the upstream says no",
    "big": CHARACTERS,
    "concurrent": list(range(CALLS)),
    "cancelled": True,
}
"""What each client sees."""
WITH_NOTIFICATIONS: Seen = {**EXPECTED, "progress": [0, 50, 100], "list changed": True}
"""What a client sees whose interface shows notifications."""


class Talk(Protocol):
    """A connected client."""

    async def tools(self) -> list[str]:
        """The names of all tools."""

    async def call(self, name: str, arguments: Seen) -> tuple[str, Any, bool]:
        """A call's text, structured content, and whether it is an error.

        Raises:
            Exception: a JSON-RPC error, with its message.
        """


async def interact(talk: Talk, hanging: Callable[[], int]) -> Seen:
    """Put a client through everything that all clients can do.

    Args:
        talk: the client.
        hanging: how many calls of `hang` the upstream is carrying out.
    """
    names = await talk.tools()
    text, structured, _ = await talk.call("echo", {"text": UNICODE})
    assert UNICODE in (structured or {}).get("text", "") or not structured, structured
    error, _, is_error = await talk.call("test_error_handling", {})
    return {
        "tools": {"echo", "json_schema_2020_12_tool", "fault"} <= set(names) and len(names) > 30,
        "echo": _unquoted(text),
        "tool error": error if is_error else None,
        "fault": await _message(talk.call("fault", {})),
        "big": await _big(talk),
        "concurrent": await _concurrent(talk),
        "cancelled": await _cancelled(talk, hanging),
    }


async def _big(talk: Talk) -> int:
    text, _, _ = await talk.call("big", {"characters": CHARACTERS})
    whole = "ñ漢🙂-" * (CHARACTERS // 4)
    assert hashlib.sha256(text.encode()).digest() == hashlib.sha256(whole.encode()).digest()
    return len(text)


async def _concurrent(talk: Talk) -> list[int]:
    answers = await asyncio.gather(*(talk.call("echo", {"number": number}) for number in range(CALLS)))
    return [int(text.removeprefix('{"number": ').removesuffix("}")) for text, _, _ in answers]


async def _cancelled(talk: Talk, hanging: Callable[[], int]) -> bool:
    """Cancel a call; whether the upstream stopped."""
    running = asyncio.create_task(talk.call("hang", {}))
    await eventually(lambda: hanging() == 1, within=10)
    running.cancel()
    await asyncio.wait((running,))
    await eventually(lambda: not hanging(), within=10)
    return True


async def _message(call: Awaitable[object]) -> str:
    try:
        await call
    except Exception as error:  # noqa: BLE001 - each SDK has its own kind; the message is what matters
        found = "the upstream says no"
        return found if found in str(error) else str(error)
    return "no error"


def _unquoted(text: str) -> str:

    said: str = json.loads(text)["text"]
    return said
