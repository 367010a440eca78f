"""What an upstream says of changes of its tools reaches the agents, whatever else happens in that moment."""

from collections.abc import AsyncIterator

import pytest_asyncio

from support.engine import AGENT, USER, Rig, binding, running_engine
from support.eventually import eventually
from support.sandbox import sandbox


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        await running.serve(binding())
        yield running


async def test_an_announcement_is_looked_into_though_a_call_is_answered_in_the_same_moment(rig: Rig) -> None:
    provider = rig.engine._registry.providers["default", "sendgrid"]
    told: list[bool] = []
    rig.engine.watch_tools(AGENT, USER, lambda: told.append(True))
    rig.engine._announcements._announced(provider)
    provider.worked()  # the answer of the very call that changed the tools
    await eventually(lambda: told)
