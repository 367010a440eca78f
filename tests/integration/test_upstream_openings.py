"""Sessions and tool lists of an upstream that opens badly, over the whole inner half of the runtime."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from pipewise_runtime.core.evidence import Evidence
from pipewise_runtime.core.retry import FateUnknown, Happened, Refused
from pipewise_runtime.engine import Engine
from pipewise_runtime.metrics import Metrics
from pipewise_runtime.served import Project
from pipewise_runtime.upstream.answer import HappenedError
from support.engine import binding
from support.eventually import eventually
from support.hostile import TOKEN, Exchange, Upstream, connected, json_reply, upstream
from support.mcp_through import OneToken


@asynccontextmanager
async def probed(
    behaviour: Callable[[Exchange], Awaitable[None]],
) -> AsyncIterator[tuple[Engine, Evidence, Upstream]]:
    """An engine that has just been given a binding, and the upstream that it probes."""
    async with upstream(behaviour) as running:
        evidence = Evidence()
        engine = Engine(OneToken(), evidence, Metrics("test"))
        engine.serve_project(Project("default", "proj_1", "development", running.url))
        engine.serve(binding())
        await engine.start()
        try:
            yield engine, evidence, running
        finally:
            await engine.stop()


def listing(tools: Any, **more: Any) -> Callable[[Exchange], Awaitable[None]]:  # noqa: ANN401 - JSON
    """Answer every request with a list of tools."""

    async def answer(exchange: Exchange) -> None:
        result = {"tools": tools, **more}
        exchange.write(json_reply(json.dumps({"id": exchange.identity, "result": result}).encode()))

    return answer


async def an_error(exchange: Exchange) -> None:
    exchange.write(json_reply(json.dumps({"id": exchange.identity, "error": {"code": 1}}).encode()))


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (listing([], nextCursor="again"), "more than 100 pages"),
        (listing(5), "malformed"),
        (listing([{"title": "no name"}]), "malformed"),
        (an_error, "with an error"),
    ],
)
async def test_a_list_of_tools_that_is_none_makes_the_app_unavailable(
    behaviour: Callable[[Exchange], Awaitable[None]], message: str
) -> None:
    async with probed(behaviour) as (engine, evidence, running):
        await eventually(lambda: [each.state for each in evidence.providers()] == ["Unavailable"])
        assert message in evidence.providers()[0].message
        running.behaviour = listing([{"name": "sendgrid-x"}])
        await eventually(lambda: evidence.providers()[0].state == "Available", within=3)
        assert b"sendgrid-x" in await engine.tools(binding())


async def test_a_list_that_changes_is_offered_from_then_on_and_the_same_list_is_kept() -> None:
    async with probed(listing([{"name": "sendgrid-x"}])) as (engine, evidence, running):
        await engine.tools(binding())
        provider = engine._registry.providers["default", "sendgrid"]
        known = provider.toolset
        for tools, same in (([{"name": "sendgrid-x"}], True), ([{"name": "sendgrid-y"}], False)):
            running.behaviour, listed = listing(tools), running.seen.count("tools/list")
            provider.breaker.ask_for_probe(0.0)
            engine.serve(binding())
            await eventually(partial(_more_than, listed, running))
            await eventually(lambda: not provider.breaker.awaits_probe)
            assert (provider.toolset is known) == same
        assert b"sendgrid-y" in await engine.tools(binding())
        assert evidence.providers()[0].tools == 1


def _more_than(listed: int, running: Upstream) -> bool:
    return running.seen.count("tools/list") > listed


OPENINGS: list[tuple[dict[str, Any], type[Happened]]] = [
    ({"error": {"code": -32600, "message": "no"}}, Refused),
    ({"result": {}}, FateUnknown),
    ({"result": {"protocolVersion": 5}}, FateUnknown),
]


@pytest.mark.parametrize(("opening", "meaning"), OPENINGS)
async def test_an_opening_refused_or_malformed_opens_no_session(
    opening: dict[str, Any], meaning: type[Happened]
) -> None:
    async def never(_exchange: Exchange) -> None:
        """Nothing but the opening is asked."""

    async with connected(never) as rig:
        rig.upstream.opening = opening
        with pytest.raises(HappenedError) as caught:
            await rig.session.initialize(TOKEN)
        assert isinstance(caught.value.happened, meaning)


async def test_an_upstream_that_never_takes_initialized_does_not_hold_the_opening_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipewise_runtime.upstream.session.OPEN_SECONDS", 0.3)

    async def never(_exchange: Exchange) -> None:
        """Take it and say nothing."""

    async with connected(never) as rig:
        rig.upstream.takes_notifications = False
        with pytest.raises(HappenedError) as caught:
            async with asyncio.timeout(2):
                await rig.session.initialize(TOKEN)
        assert isinstance(caught.value.happened, FateUnknown)


async def test_an_engine_stopped_while_a_session_opens_leaves_no_task() -> None:
    async def never(_exchange: Exchange) -> None:
        """Nothing is asked."""

    before = asyncio.all_tasks()
    async with probed(never) as (engine, _, running):
        await eventually(lambda: "initialize" in running.seen)
        call = asyncio.create_task(engine.tools(binding()))
        await asyncio.sleep(0)
        call.cancel()
    await eventually(lambda: asyncio.all_tasks() <= before)
