"""What the operator remembers of what it was shown, and what it marks to be judged again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import REPORT_STALE_AFTER, timestamp
from pipewise_crds.profiles import BUILT_IN
from pipewise_operator.gathering import evidence_of
from pipewise_operator.judge.binding import judge
from pipewise_operator.keys import Key
from pipewise_operator.world import World
from support.judging import NOON
from support.observing import BINDING_SPEC, PROJECT_SPEC, REPORT, Clock, body

DEMAND = {"project": "default", "runsWanted": 64}
B, OTHER, PROJECT, RUNTIME = Key("n", "b"), Key("n", "other"), Key("n", "default"), Key("n", "r")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """A world with one binding, a project and a runtime without a Pod, all judged."""
    observed = World(clock)
    observed.observe("PipedreamProject", body("default", PROJECT_SPEC))
    observed.observe("AgentMCPBinding", body("b", BINDING_SPEC))
    observed.observe("AgentMCPBinding", body("other", {**BINDING_SPEC, "user": "other"}))
    observed.observe("MCPRuntime", body("r", status=REPORT))
    settle(observed)
    return observed


def settle(world: World) -> set[Key]:
    """Take everything that is dirty; the bindings among it."""
    world.dirty.take_projects()
    world.dirty.take_shares()
    world.dirty.take_children()
    return set(world.dirty.take_bindings(10_000))


def reason(world: World, key: Key = B) -> str:
    status = judge(evidence_of(world, key, BUILT_IN))
    return status.conditions[0].reason


def test_an_old_or_repeated_event_changes_nothing(world: World) -> None:
    old = body("b", BINDING_SPEC, resourceVersion="1")
    world.observe("AgentMCPBinding", old)
    assert not world.dirty


def test_a_report_that_only_says_still_alive_marks_nothing(world: World) -> None:
    again = {**REPORT, "reportTime": timestamp(NOON + timedelta(seconds=60)), "sessions": 3}
    world.observe("MCPRuntime", body("r", status=again))
    assert settle(world) == set()


def test_another_demand_has_the_quota_divided_anew_and_nothing_judged(world: World) -> None:
    world.observe("MCPRuntime", body("r", status={**REPORT, "projects": [DEMAND]}))
    assert world.dirty.take_shares() == ["n"]
    assert settle(world) == set()
    away = {**DEMAND, "quotaExhaustedUntil": timestamp(NOON)}
    world.observe("MCPRuntime", body("r", status={**REPORT, "projects": [away]}))
    assert settle(world) == {B, OTHER}


def test_an_exception_marks_its_own_binding_alone(world: World) -> None:
    told = {
        "binding": "b",
        "service": "sendgrid",
        "verdict": "UpstreamUnavailable",
        "since": timestamp(NOON),
        "lastSeen": timestamp(NOON),
    }
    world.observe("MCPRuntime", body("r", status={**REPORT, "exceptions": [told]}))
    assert settle(world) == {B}


def test_a_report_without_a_pod_turns_stale_and_marks_everything(world: World, clock: Clock) -> None:
    assert world.alarms.next() == NOON + REPORT_STALE_AFTER
    clock.forward(seconds=REPORT_STALE_AFTER.total_seconds())
    for alarm in world.alarms.due(clock()):
        world.refresh(alarm.key)
    assert settle(world) == {B, OTHER}
    assert reason(world) == "RuntimeUnavailable"


def test_a_runtime_follows_the_readiness_of_its_pod(world: World) -> None:
    owned = [{"kind": "Pod", "name": "agent", "uid": "x"}]
    world.observe("MCPRuntime", body("r", status=REPORT, ownerReferences=owned))
    assert not world.runtimes[RUNTIME].ready
    conditions = [{"type": "Ready", "status": "True"}]
    world.observe("Pod", body("agent", status={"conditions": conditions}))
    assert world.runtimes[RUNTIME].ready
    world.forget("Pod", Key("n", "agent"))
    assert not world.runtimes[RUNTIME].ready


def test_the_older_binding_serves_and_the_younger_is_judged_anew_when_it_goes(world: World) -> None:
    world.observe("AgentMCPBinding", body("younger", BINDING_SPEC))
    assert reason(world, Key("n", "younger")) == "Conflict"
    assert reason(world) != "Conflict"
    settle(world)
    world.forget("AgentMCPBinding", B)
    assert Key("n", "younger") in settle(world)
    assert reason(world, Key("n", "younger")) != "Conflict"


def test_what_vanished_unseen_is_found_by_listing(world: World) -> None:
    before = world.known("AgentMCPBinding")
    world.observe("AgentMCPBinding", body("during", {**BINDING_SPEC, "user": "during"}))
    world.replace("AgentMCPBinding", before, [body("other", {**BINDING_SPEC, "user": "other"})])
    assert world.bindings.keys() == {OTHER, Key("n", "during")}


BAD_SPECS: list[dict[str, Any]] = [
    {},
    {"agent": "coordinator"},
    {**BINDING_SPEC, "agent": "No Such Name"},
    {**BINDING_SPEC, "services": [{"name": "a", "app": "a"}, {"name": "a", "app": "b"}]},
    {**BINDING_SPEC, "services": "many"},
]


@pytest.mark.parametrize("spec", BAD_SPECS)
def test_a_spec_that_cannot_be_read_is_a_condition_not_a_crash(world: World, spec: dict[str, Any]) -> None:
    world.observe("AgentMCPBinding", body("bad", spec))
    assert reason(world, Key("n", "bad")) == "InvalidSpec"
    assert reason(world) != "InvalidSpec"


def test_a_status_that_cannot_be_read_is_judged_anew(world: World) -> None:
    world.observe("AgentMCPBinding", body("b", BINDING_SPEC, {"conditions": "none"}))
    assert judge(evidence_of(world, B, BUILT_IN)).conditions


def test_bindings_without_project_or_profile_say_so(world: World) -> None:
    world.observe("AgentMCPBinding", body("p", {**BINDING_SPEC, "user": "p", "projectRef": "absent"}))
    world.observe("AgentMCPBinding", body("q", {"agent": "nobody", "user": "q"}))
    assert reason(world, Key("n", "p")) == "ProjectNotFound"
    assert reason(world, Key("n", "q")) == "ProfileNotFound"


def test_a_new_generation_waits_for_a_runtime_and_an_old_one_is_remembered_by_the_status(
    world: World,
) -> None:
    world.observe("MCPRuntime", body("r", status={**REPORT, "syncedThrough": "50"}))
    assert not evidence_of(world, B, BUILT_IN).serving
    taken_up = {
        "type": "RuntimeAvailable",
        "status": "True",
        "reason": "Available",
        "lastTransitionTime": timestamp(NOON),
        "observedGeneration": 1,
    }
    restarted = World(world.clock)
    restarted.observe("AgentMCPBinding", body("b", BINDING_SPEC, {"conditions": [taken_up]}))
    restarted.observe("MCPRuntime", body("r", status={**REPORT, "syncedThrough": "50"}))
    assert evidence_of(restarted, B, BUILT_IN).serving


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["u1", "u2"]), st.booleans()), max_size=30))
def test_exactly_one_of_the_bindings_for_a_user_serves(history: list[tuple[str, str, bool]]) -> None:
    world = World(Clock())
    for name, user, is_gone in history:
        if is_gone:
            world.forget("AgentMCPBinding", Key("n", name))
        else:
            world.observe("AgentMCPBinding", body(name, {**BINDING_SPEC, "user": user}))
    by_user: dict[str, list[str]] = {}
    for key, record in world.bindings.items():
        by_user.setdefault(record.binding.spec.user, []).append(reason(world, key))
    for reasons in by_user.values():
        assert len(reasons) - reasons.count("Conflict") == 1


def test_facts_of_one_record_are_its_own(world: World) -> None:
    record = world.projects[PROJECT]
    record.facts = replace(record.facts, rejections=1)
    world.observe("PipedreamProject", body("default", PROJECT_SPEC, generation=2))
    assert world.projects[PROJECT].facts.rejections == 1
    assert settle(world) == {B, OTHER}
