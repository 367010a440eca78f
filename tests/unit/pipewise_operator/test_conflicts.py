"""Of several bindings for one agent and user, operator and runtime agree on which one counts."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import AgentMCPBinding, Reason, timestamp
from pipewise_crds.profiles import BUILT_IN
from pipewise_operator.gathering import evidence_of
from pipewise_operator.judge.evidence import Blocked
from pipewise_operator.keys import Key
from pipewise_operator.world import World
from pipewise_runtime.sources.roster import Roster, Scope
from support.observing import BINDING_SPEC, Clock, body
from support.runtimes import RememberingSink

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
BINDINGS = st.dictionaries(
    st.sampled_from("abcd"),
    st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from(("Sidecar", "Managed")), st.booleans()),
)


def world_of(bindings: dict[str, tuple[int, bool, str, bool]]) -> World:
    world = World(Clock())
    for name, (age, paused, placement, deleted) in bindings.items():
        world.observe(
            "AgentMCPBinding",
            body(
                name,
                {**BINDING_SPEC, "paused": paused, "placement": placement},
                creationTimestamp=timestamp(EPOCH - timedelta(seconds=age)),
                **({"deletionTimestamp": timestamp(EPOCH)} if deleted else {}),
            ),
        )
    return world


def blocked(world: World, name: str) -> Blocked | None:
    return evidence_of(world, Key("n", name), BUILT_IN).blocked


def served(world: World, placement: str) -> set[str]:
    sink = RememberingSink()
    roster = Roster(Scope(frozenset(), placement, BUILT_IN), sink)
    for record in world.bindings.values():
        roster.put(AgentMCPBinding.model_validate(record.binding.model_dump(by_alias=True)))
    return set(sink.bindings)


@given(BINDINGS)
def test_a_runtime_serves_a_binding_if_and_only_if_the_operator_sees_no_conflict_and_no_pause(
    bindings: dict[str, tuple[int, bool, str, bool]],
) -> None:
    world = world_of(bindings)
    for placement in ("Sidecar", "Managed"):
        unhindered = {
            name
            for name, (_, _, where, deleted) in bindings.items()
            if where == placement
            and not deleted
            and getattr(blocked(world, name), "reason", "") not in (Reason.CONFLICT, Reason.PAUSED)
        }
        assert served(world, placement) == unhindered


def test_an_older_binding_that_is_paused_still_keeps_the_younger_from_serving_and_is_named_so() -> None:
    world = world_of({"old": (2, True, "Sidecar", False), "young": (1, False, "Sidecar", False)})
    told = blocked(world, "young")
    assert told == Blocked(
        Reason.CONFLICT,
        "binding old is older and, though paused, stands for coordinator acting for user-42; "
        "delete one of the two, or let old serve",
    )
