"""Shards of managed bindings: never too full, never changed by the coming and going of others."""

from hypothesis import given
from hypothesis import strategies as st

from pipewise_operator.desired.placement import Placed, assigned
from pipewise_operator.keys import Key
from pipewise_operator.placing import moves
from pipewise_operator.world import World
from support.observing import BINDING_SPEC, Clock, body

NAMES = [Key("n", f"b{number}") for number in range(12)]
HISTORIES = st.lists(st.sets(st.sampled_from(NAMES)), max_size=12)


@given(HISTORIES, st.integers(1, 5))
def test_a_binding_keeps_its_shard_while_others_come_and_go(history: list[set[Key]], most: int) -> None:
    kept: dict[Key, int] = {}
    for present in history:
        after = assigned([Placed(key, kept.get(key)) for key in sorted(present)], most)
        assert set(after) == present
        assert all(after[key] == shard for key, shard in kept.items() if key in present)
        sizes = list(map(list(after.values()).count, set(after.values())))
        assert max(sizes, default=0) <= most
        kept = dict(after)


@given(st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(0, 3)), st.integers(1, 4))
def test_no_shard_is_too_full_whatever_was_written_before(told: dict[Key, int | None], most: int) -> None:
    after = assigned([Placed(key, shard) for key, shard in told.items()], most)
    assert set(after) == set(told)
    assert all(list(after.values()).count(shard) <= most for shard in after.values())


def test_room_in_early_shards_is_used_first_so_that_later_ones_run_empty() -> None:
    known = [Placed(Key("n", "a"), 0), Placed(Key("n", "c"), 2), Placed(Key("n", "new"), None)]
    assert assigned(known, 2)[Key("n", "new")] == 0
    assert assigned(known, 1)[Key("n", "new")] == 1


def world_of(**shards: int | None) -> World:
    world = World(Clock())
    for name, shard in shards.items():
        spec = {**BINDING_SPEC, "user": name, "placement": "Managed"}
        world.observe("AgentMCPBinding", body(name, spec, {} if shard is None else {"shard": shard}))
    return world


def test_only_bindings_without_their_right_shard_are_moved() -> None:
    world = world_of(a=0, b=None, c=1)
    assert moves(world, world.bindings, 1) == {Key("n", "b"): 2}
    assert moves(world, world.bindings, 500) == {Key("n", "b"): 0}
    assert moves(world, [Key("n", "a"), Key("n", "gone")], 500) == {}


def test_without_managed_runtimes_nobody_has_a_shard() -> None:
    world = world_of(a=0, b=None)
    assert moves(world, world.bindings, None) == {Key("n", "a"): None}


def test_a_binding_that_becomes_a_sidecars_gives_its_place_up() -> None:
    world = world_of(a=0)
    world.observe("AgentMCPBinding", body("s", BINDING_SPEC, {"shard": 0}))
    assert moves(world, world.bindings, 500) == {Key("n", "s"): None}


def test_a_paused_binding_is_given_no_shard_but_keeps_one() -> None:
    world = world_of(a=0)
    paused = {**BINDING_SPEC, "user": "p", "placement": "Managed", "paused": True}
    world.observe("AgentMCPBinding", body("p", paused))
    world.observe("AgentMCPBinding", body("a", {**paused, "user": "a"}, {"shard": 0}, generation=2))
    assert moves(world, world.bindings, 500) == {}
