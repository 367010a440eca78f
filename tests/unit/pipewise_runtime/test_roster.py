"""Which bindings a runtime serves, over random histories."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import AgentMCPBinding, BindingStatus
from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.sources.roster import Roster, Scope
from support.runtimes import RememberingSink

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
AGENTS = ("coordinator", "meeting-scheduler", "nobody")
SCOPE = Scope(frozenset({"coordinator", "nobody"}), "Sidecar", BUILT_IN)

BINDINGS = st.builds(
    lambda name, agent, user, age, paused, placement: binding(
        name, agent, user, age=age, paused=paused, placement=placement
    ),
    st.sampled_from("abcdef"),
    st.sampled_from(AGENTS),
    st.sampled_from(("u1", "u2")),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(("Sidecar", "Managed")),
)
STEPS = st.lists(st.one_of(BINDINGS, st.sampled_from("abcdef")), max_size=40)


def binding(  # noqa: PLR0913 - a builder for tests
    name: str,
    agent: str = "coordinator",
    user: str = "u1",
    *,
    age: int = 0,
    paused: bool = False,
    placement: Literal["Sidecar", "Managed"] = "Sidecar",
    generation: int = 1,
) -> AgentMCPBinding:
    created = EPOCH - timedelta(seconds=age)
    metadata = {"name": name, "creationTimestamp": created, "generation": generation}
    spec = {"agent": agent, "user": user, "paused": paused, "placement": placement}
    return AgentMCPBinding.model_validate({"metadata": metadata, "spec": spec})


def expected(present: dict[str, AgentMCPBinding]) -> set[str]:
    """The same decision, said anew: of each agent and user the oldest, if it may be served here."""
    oldest: dict[tuple[str, str], AgentMCPBinding] = {}
    for each in sorted(present.values(), key=lambda b: (b.metadata.creation_timestamp, b.metadata.name)):
        oldest.setdefault((each.spec.agent, each.spec.user), each)
    return {
        each.metadata.name
        for each in oldest.values()
        if each.spec.agent == "coordinator" and each.spec.placement == "Sidecar" and not each.spec.paused
    }


@given(STEPS)
def test_exactly_the_oldest_servable_binding_of_each_user_is_served(
    steps: list[AgentMCPBinding | str],
) -> None:
    sink = RememberingSink()
    roster = Roster(SCOPE, sink)
    present: dict[str, AgentMCPBinding] = {}
    for step in steps:
        if isinstance(step, str):
            present.pop(step, None)
            roster.remove(step)
        else:
            present[step.metadata.name] = step
            roster.put(step)
        assert set(sink.bindings) == expected(present)
        assert len(roster) == len(sink.bindings)


@given(STEPS)
def test_a_list_leaves_what_it_holds_and_drops_the_rest(steps: list[AgentMCPBinding | str]) -> None:
    sink = RememberingSink()
    roster = Roster(SCOPE, sink)
    bindings = {step.metadata.name: step for step in steps if not isinstance(step, str)}
    for each in bindings.values():
        roster.put(each)
    kept = {name: each for name, each in bindings.items() if name < "d"}
    roster.keep_only(kept)
    assert set(sink.bindings) == expected(kept)


def test_an_unchanged_binding_is_delivered_once() -> None:
    sink = RememberingSink()
    roster = Roster(SCOPE, sink)
    roster.put(binding("a"))
    roster.put(binding("a"))
    assert sink.deliveries == 1


def test_only_a_new_generation_of_an_own_binding_moves() -> None:
    roster = Roster(SCOPE, RememberingSink())
    moves = []
    for each in (
        binding("a"),
        binding("a"),
        binding("a", generation=2),
        binding("b", user="u2", placement="Managed"),
        binding("c", "meeting-scheduler"),
    ):
        roster.put(each)
        moves.append(roster.has_moved)
        roster.has_moved = False
    assert moves == [True, False, True, False, False]


def test_a_shard_serves_the_bindings_whose_status_names_it_and_tells_when_one_came() -> None:
    sink = RememberingSink()
    roster = Roster(Scope(frozenset(), "Managed", BUILT_IN, shard=1), sink)
    served, moves = [], []
    for shard in (None, 0, 1, 1, 2):
        each = binding("a", placement="Managed")
        roster.put(each.model_copy(update={"status": BindingStatus(shard=shard)}))
        served.append(set(sink.bindings))
        moves.append(roster.has_moved)
        roster.has_moved = False
    assert served == [set(), set(), {"a"}, {"a"}, set()]
    assert moves == [False, False, True, False, False]


def test_without_a_shard_all_bindings_are_served_whatever_theirs_is() -> None:
    sink = RememberingSink()
    roster = Roster(Scope(frozenset(), "Managed", BUILT_IN), sink)
    roster.put(binding("a", placement="Managed").model_copy(update={"status": BindingStatus(shard=4)}))
    assert set(sink.bindings) == {"a"}


def test_a_name_that_comes_back_for_another_user_leaves_the_first_to_the_next_in_line() -> None:
    sink = RememberingSink()
    roster = Roster(SCOPE, sink)
    roster.put(binding("a", age=2))
    roster.put(binding("b", age=1))
    assert set(sink.bindings) == {"a"}
    roster.put(binding("a", user="u2", generation=2))
    assert {name: each.user for name, each in sink.bindings.items()} == {"a": "u2", "b": "u1"}
    roster.put(binding("c", age=3))
    assert set(sink.bindings) == {"a", "c"}
