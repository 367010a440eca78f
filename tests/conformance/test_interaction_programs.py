"""The interaction suite with clients that are programs of their own: the TypeScript SDK, and mcp 1.x."""

import asyncio
import json
from pathlib import Path
from typing import Any

from support.eventually import eventually
from support.interaction import CHARACTERS, UNICODE, WITH_NOTIFICATIONS
from support.legacy_sdk import legacy_python
from support.mcp_upstream import McpUpstream
from support.node import node

CLIENTS = Path(__file__).parent / "clients"
SECONDS = 60.0


async def seen_by(*command: str | Path) -> dict[str, Any]:
    """What a client program prints."""
    program = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
    try:
        async with asyncio.timeout(SECONDS):
            out, complaint = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
    assert program.returncode == 0, complaint.decode()
    seen: dict[str, Any] = json.loads(out)
    return seen


def arguments(url: str, way: str) -> tuple[str, ...]:
    """What the programs are told; upstreams of the two eras ask their callers by different tools."""
    asking = "test_input_required_result_elicitation" if way == "to a modern upstream" else "test_elicitation"
    return url, UNICODE, str(CHARACTERS), asking


def expected(way: str) -> dict[str, Any]:
    """What they see; in the older era our upstream tells of changes only the session that made them.

    The runtime listens in another one: that of callers who cannot be asked anything.
    """
    return {**WITH_NOTIFICATIONS, "asked": True, "list changed": way != "to a handshake upstream"}


async def test_the_typescript_client_sees_the_same(url: str, upstream: McpUpstream, way: str) -> None:
    packages = node()
    script = CLIENTS / "typescript.mjs"
    command = packages.command(script, str(packages.folder), *arguments(url, way))
    assert await seen_by(*command) == expected(way), way
    await eventually(lambda: upstream.tools.cancelled == upstream.tools.started == 1)


async def test_version_1_of_the_python_sdk_sees_the_same(url: str, upstream: McpUpstream, way: str) -> None:
    command = (legacy_python(), CLIENTS / "legacy_python.py", *arguments(url, way))
    assert await seen_by(*command) == expected(way), way
    await eventually(lambda: upstream.tools.cancelled == upstream.tools.started == 1)
