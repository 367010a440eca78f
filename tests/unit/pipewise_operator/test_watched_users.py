"""Whose accounts are asked for again: users of present bindings, and nobody else's."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pipewise_operator.accounts import AccountKeeper
from pipewise_operator.connect import Pipedream
from pipewise_operator.doors import Doors
from pipewise_operator.keys import Key
from pipewise_operator.metrics import Metrics
from pipewise_operator.tokens import TokenKeeper
from pipewise_operator.world import World
from support.observing import BINDING_SPEC, PROJECT_SPEC, Clock, body

PROJECT = Key("n", "default")
NO_CLUSTER: Any = None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(clock: Clock) -> World:
    observed = World(clock)
    observed.observe("PipedreamProject", body("default", PROJECT_SPEC))
    observed.observe("AgentMCPBinding", body("b", BINDING_SPEC))
    return observed


@pytest.fixture
async def keeper(world: World, clock: Clock) -> AsyncIterator[AccountKeeper]:
    pipedream = Pipedream()
    doors = Doors(NO_CLUSTER, pipedream, world, Metrics(), lambda: 0.5)
    record = world.projects[PROJECT]
    made = AccountKeeper(doors, PROJECT, record, TokenKeeper(doors, PROJECT, record))
    clock.forward(seconds=1)
    yield made
    await pipedream.close()


async def test_a_watched_user_is_due_at_once(keeper: AccountKeeper, world: World) -> None:
    keeper.watch("user-42", "b", None)
    assert keeper._due(world.clock()) == ["user-42"]


async def test_a_user_whose_last_binding_is_gone_is_not_asked_for(
    keeper: AccountKeeper, world: World
) -> None:
    keeper.watch("user-42", "b", None)
    world.forget("AgentMCPBinding", Key("n", "b"))
    assert keeper._due(world.clock()) == []


async def test_a_user_is_watched_until_none_of_his_bindings_needs_it(
    keeper: AccountKeeper, world: World
) -> None:
    world.observe("AgentMCPBinding", body("second", {**BINDING_SPEC, "agent": "meeting-scheduler"}))
    keeper.watch("user-42", "b", None)
    keeper.watch("user-42", "second", None)
    keeper.unwatch("user-42", "b")
    assert keeper._due(world.clock()) == ["user-42"]
    keeper.unwatch("user-42", "second")
    assert keeper._due(world.clock()) == []
