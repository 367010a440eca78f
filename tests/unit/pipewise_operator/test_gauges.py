"""The gauges: what alerts count, told by the leader alone, and nothing of bindings that are paused."""

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipewise_crds import timestamp
from pipewise_operator.gauges import WorldCollector
from pipewise_operator.world import World
from support.judging import NOON
from support.observing import BINDING_SPEC, Clock, body
from support.operating import metric_in, provider


def exposed(world: World, *, leads: bool = True) -> str:
    registry = CollectorRegistry()
    registry.register(WorldCollector(world, lambda: leads))
    return generate_latest(registry).decode()


def condition(kind: str, status: str, reason: str) -> Mapping[str, Any]:
    moment = timestamp(NOON)
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": moment}


def world_with_a_fault(**spec: Any) -> World:  # noqa: ANN401 - JSON
    world = World(Clock())
    conditions = [
        condition("Ready", "False", "Paused" if spec.get("paused") else "UpstreamUnavailable"),
        condition("UpstreamsAvailable", "False", "UpstreamUnavailable"),
    ]
    world.observe("AgentMCPBinding", body("b", {**BINDING_SPEC, **spec}, {"conditions": conditions}))
    return world


def failing(text: str, kind: str, reason: str) -> float:
    labels = {"condition": kind, "status": "False", "reason": reason}
    return metric_in(text, "pipewise_binding_condition", labels)


def test_the_conditions_of_a_binding_are_counted() -> None:
    text = exposed(world_with_a_fault())
    assert failing(text, "Ready", "UpstreamUnavailable") == 1
    assert failing(text, "UpstreamsAvailable", "UpstreamUnavailable") == 1


def test_a_paused_binding_counts_as_paused_and_keeps_no_alert_firing() -> None:
    text = exposed(world_with_a_fault(paused=True))
    assert failing(text, "Ready", "Paused") == 1
    assert failing(text, "UpstreamsAvailable", "UpstreamUnavailable") == 0


@pytest.mark.parametrize(
    ("fault", "down", "refuses"), [("Outage", 1, 0), ("Refused", 0, 1), ("ProjectRefused", 0, 0)]
)
def test_only_an_outage_is_the_providers_to_mend(fault: str, down: float, refuses: float) -> None:
    world = world_with_a_fault()
    report = {**provider("sendgrid", "Unavailable"), "fault": fault}
    status = {"agents": ["coordinator"], "reportTime": timestamp(NOON), "providers": [report]}
    world.observe("MCPRuntime", body("r", {}, status))
    text, app = exposed(world), {"app": "sendgrid"}
    assert metric_in(text, "pipewise_provider_unavailable", app) == down
    assert metric_in(text, "pipewise_provider_refuses", app) == refuses


def test_only_the_leader_tells_of_the_world() -> None:
    world = world_with_a_fault()
    assert metric_in(exposed(world), "pipewise_leader", {}) == 1
    standby = exposed(world, leads=False)
    assert "pipewise_leader 0.0" in standby
    assert "pipewise_binding" not in standby
