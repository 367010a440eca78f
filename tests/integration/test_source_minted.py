"""Tokens that the runtime mints by itself: renewed in good time, and waited for where one was refused."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from pipewise_runtime.ports import TokenUnavailableError
from pipewise_runtime.server.asgi import Receive, Scope, Send, send_json
from pipewise_runtime.sources.connect import Connect, Credentials
from pipewise_runtime.sources.minted_tokens import MintedTokens
from support.eventually import eventually
from support.listening import listening
from support.sandbox import CLIENT_ID, CLIENT_SECRET, PROJECT, Sandbox, sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with sandbox() as running:
        yield running


def credentials_for(api: str) -> Credentials:
    return Credentials(api, PROJECT, "development", CLIENT_ID, CLIENT_SECRET)


@pytest.fixture
async def tokens(box: Sandbox) -> AsyncIterator[MintedTokens]:
    connect, credentials = Connect(), credentials_for(box.api_url)
    yield MintedTokens(connect, lambda _: credentials)
    await connect.aclose()


async def minted(box: Sandbox) -> int:
    """How often a token was asked for."""
    counted: dict[str, int] = (await box.admin.requests())["requests"].get("rest:token", {})
    return sum(counted.values())


async def test_a_token_is_renewed_before_it_expires_and_nobody_waits(
    box: Sandbox, tokens: MintedTokens
) -> None:
    await box.admin.settings(tokenLifetimeSeconds=3)
    first = await tokens.current("default")
    while (held := tokens.held("default")) is first:
        assert datetime.now(UTC) < first.expires_at
        await asyncio.sleep(0.02)
    assert held is not None
    assert await minted(box) == 2


async def test_an_expired_token_is_given_to_nobody(box: Sandbox, tokens: MintedTokens) -> None:
    await box.admin.settings(tokenLifetimeSeconds=0.3)
    first = await tokens.current("default")
    await eventually(lambda: datetime.now(UTC) > first.expires_at)
    assert tokens.held("default") is None
    assert (await tokens.current("default")).value != first.value


async def test_a_token_that_cannot_be_renewed_is_used_as_long_as_it_holds(
    box: Sandbox, tokens: MintedTokens
) -> None:
    await box.admin.settings(tokenLifetimeSeconds=1.5)
    first = await tokens.current("default")
    fault = await box.admin.fault("status", method="rest:token", status=503)

    async def is_asked_again() -> bool:
        assert tokens.held("default") in {first, None}
        return await minted(box) > 1

    await eventually(is_asked_again)
    await box.admin.clear_fault(fault)
    await eventually(lambda: datetime.now(UTC) > first.expires_at)
    assert (await tokens.current("default")).value != first.value


async def test_a_refused_token_is_replaced_as_soon_as_another_can_be_had(
    box: Sandbox, tokens: MintedTokens
) -> None:
    old = await tokens.current("default")
    await box.admin.fault("status", method="rest:token", status=503, times=1)
    new = await tokens.after("default", old)
    assert new.value != old.value
    assert await tokens.after("default", old) is new
    assert await minted(box) == 3


async def test_a_refused_token_that_is_minted_again_is_not_taken_for_another() -> None:
    minted = ["a", "a", "b"]

    async def same(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_json(send, json.dumps({"access_token": minted.pop(0), "expires_in": 3600}).encode())

    async with listening(same) as url:
        connect, credentials = Connect(), credentials_for(url)
        tokens = MintedTokens(connect, lambda _: credentials)
        assert (await tokens.after("default", await tokens.current("default"))).value == "b"
        await connect.aclose()


async def test_credentials_that_are_refused_are_waited_for_no_longer(
    box: Sandbox, tokens: MintedTokens
) -> None:
    old = await tokens.current("default")
    await box.admin.fault("status", method="rest:token", status=401)
    with pytest.raises(TokenUnavailableError, match="client credentials"):
        await tokens.after("default", old)


def test_a_program_that_ends_while_a_token_is_minted_ends() -> None:
    async def begin(api: str) -> None:
        tokens = MintedTokens(Connect(), lambda _: credentials_for(api))
        waiting = asyncio.create_task(tokens.current("default"))
        assert await asyncio.wait((waiting,), timeout=0.1) == (set(), {waiting})

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(begin(f"http://127.0.0.1:{silent.getsockname()[1]}"))
