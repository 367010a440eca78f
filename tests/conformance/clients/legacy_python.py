"""The interaction suite with version 1 of the Python SDK: prints what it has seen, as one line of JSON.

Arguments: the endpoint, the text to echo, the length of the big result, the tool that asks.
It runs in an environment of its own.
"""

import asyncio
import contextlib
import json
import sys
from typing import Any

from mcp import ClientSession, types  # type: ignore[attr-defined]  # version 1, in an environment of its own
from mcp.client.streamable_http import streamablehttp_client  # type: ignore[attr-defined]  # likewise

_WORDS = 8
_BETWEEN_WORDS_SECONDS = 0.25


async def main(url: str, unicode: str, characters: int, asking: str) -> dict[str, Any]:
    """What the client sees."""
    changed = asyncio.Event()
    progress: list[float] = []

    async def on_message(message: object) -> None:
        note = getattr(message, "root", None)
        if isinstance(note, types.ToolListChangedNotification):
            changed.set()

    async def on_elicit(_context: object, _params: object) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"name": "ñ", "username": "ñ", "email": "e"})

    async def on_progress(done: float, _total: float | None, _words: str | None) -> None:
        progress.append(done)

    async with (
        streamablehttp_client(url) as (incoming, outgoing, _),
        ClientSession(
            incoming, outgoing, message_handler=on_message, elicitation_callback=on_elicit
        ) as session,
    ):
        await session.initialize()

        async def text(name: str, **arguments: object) -> str:
            said: str = (await session.call_tool(name, arguments)).content[0].text
            return said

        names: list[str] = []
        page = await session.list_tools()
        names += [tool.name for tool in page.tools]
        while page.nextCursor:
            page = await session.list_tools(cursor=page.nextCursor)
            names += [tool.name for tool in page.tools]
        try:
            fault = await text("fault")
        except Exception as error:  # noqa: BLE001 - its message is what matters
            fault = str(error)
        failed = await session.call_tool("test_error_handling", {})
        await session.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
        answers = await asyncio.gather(*(text("echo", number=number) for number in range(20)))
        seen: dict[str, Any] = {
            "tools": {"echo", "json_schema_2020_12_tool", "fault"} <= set(names) and len(names) > 30,
            "echo": json.loads(await text("echo", text=unicode))["text"],
            "tool error": failed.content[0].text if failed.isError else None,
            "fault": fault,
            "big": len(await text("big", characters=characters)),
            "concurrent": [json.loads(answer)["number"] for answer in answers],
            "progress": progress,
            "asked": "ñ" in await text(asking, message="who?"),
        }
        seen["cancelled"] = await _cancelled(session)
        await session.call_tool("test_trigger_tool_change", {})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), 8)
        return {**seen, "list changed": changed.is_set()}


async def _cancelled(session: ClientSession) -> bool:
    """Take a call back, as this version leaves to its user; the word is repeated: it may come first."""
    identity = session._request_id
    hanging = asyncio.create_task(session.call_tool("hang", {}))
    params = types.CancelledNotificationParams(requestId=identity)
    word = types.ClientNotification(types.CancelledNotification(params=params))
    for _ in range(_WORDS):
        await asyncio.wait((hanging,), timeout=_BETWEEN_WORDS_SECONDS)
        await session.send_notification(word)
    return hanging.cancel() or hanging.exception() is not None


if __name__ == "__main__":
    found = asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    sys.stdout.write(json.dumps(found))
