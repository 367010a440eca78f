"""The interaction suite with clients that are programs of their own: the TypeScript SDK, and mcp 1.x."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.eventually import eventually
from support.interaction import CHARACTERS, UNICODE, WITH_NOTIFICATIONS
from support.legacy_sdk import legacy_python
from support.mcp_through import runtime_before
from support.mcp_upstream import McpUpstream, serving_mcp
from support.node import node
from support.serving import url_of

CLIENTS = Path(__file__).parent / "clients"
SECONDS = 60.0


@pytest.fixture
def upstream() -> Iterator[McpUpstream]:
    with serving_mcp(page=7) as running:
        yield running


@pytest.fixture(params=["direct", "through"])
async def url(request: pytest.FixtureRequest, upstream: McpUpstream) -> AsyncIterator[str]:
    if request.param == "direct":
        yield upstream.url
    else:
        async with runtime_before(upstream.url) as (engine, base):
            bound = engine.binding("coordinator", "user-42")
            assert bound
            await engine.tools(bound)
            yield url_of(base)


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


async def test_the_typescript_client_sees_the_same(url: str, upstream: McpUpstream) -> None:
    packages = node()
    script = CLIENTS / "typescript.mjs"
    command = packages.command(script, str(packages.folder), url, UNICODE, str(CHARACTERS))
    seen = await seen_by(*command)
    assert seen == {**WITH_NOTIFICATIONS, "asked": True}
    await eventually(lambda: upstream.tools.cancelled == upstream.tools.started == 1)


async def test_version_1_of_the_python_sdk_sees_the_same(url: str) -> None:
    command = (legacy_python(), CLIENTS / "legacy_python.py", url, UNICODE, str(CHARACTERS))
    seen = await seen_by(*command)
    expected = {key: value for key, value in WITH_NOTIFICATIONS.items() if key != "cancelled"}
    assert seen == {**expected, "asked": True}
