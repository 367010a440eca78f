"""Sessions and tool lists of an upstream that opens badly, over the whole inner half of the runtime."""

import asyncio
import json
from typing import Any

import pytest

from pipewise_runtime.core.retry import FateUnknown, Happened, Refused
from pipewise_runtime.upstream.answer import HappenedError
from pipewise_runtime.upstream.session import Session
from support.engine import binding
from support.eventually import eventually
from support.hostile import TOKEN, Behaviour, Exchange, connected, json_reply
from support.probed import listing, probed


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
    behaviour: Behaviour, message: str
) -> None:
    async with probed(behaviour) as rig:
        await eventually(lambda: [each.state for each in rig.evidence.providers()] == ["Unavailable"])
        assert message in rig.evidence.providers()[0].message
        rig.upstream.behaviour = listing([{"name": "sendgrid-x"}])
        await eventually(lambda: rig.evidence.providers()[0].state == "Available", within=15)
        assert b"sendgrid-x" in await rig.engine.tools(binding())


OPENINGS: list[tuple[dict[str, Any], type[Happened]]] = [
    ({"error": {"code": -32600, "message": "no"}}, Refused),
    ({"result": {}}, FateUnknown),
    ({"result": {"protocolVersion": 5}}, FateUnknown),
    ({"result": {"protocolVersion": "2027-01-01"}}, Refused),
    ({"result": {"protocolVersion": "2025-11-25\r\nAuthorization: another"}}, Refused),
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
        assert rig.upstream.seen.count("notifications/initialized") == 1, "it went on in the refused session"


async def test_an_upstream_that_never_takes_initialized_does_not_hold_the_opening_for_ever() -> None:
    async def never(_exchange: Exchange) -> None:
        """Take it and say nothing."""

    async with connected(never) as rig:
        rig.upstream.takes_notifications = False
        session = Session(rig.session.key, rig.host, open_seconds=0.3)
        with pytest.raises(HappenedError) as caught:
            async with asyncio.timeout(2):
                await session.initialize(TOKEN)
        assert isinstance(caught.value.happened, FateUnknown)


async def test_an_engine_stopped_while_a_session_opens_leaves_no_task() -> None:
    async def never(_exchange: Exchange) -> None:
        """Nothing is asked."""

    before = asyncio.all_tasks()
    async with probed(never) as rig:
        await eventually(lambda: "initialize" in rig.upstream.seen)
        call = asyncio.create_task(rig.engine.tools(binding()))
        await asyncio.sleep(0)
        call.cancel()
    await eventually(lambda: asyncio.all_tasks() <= before)
