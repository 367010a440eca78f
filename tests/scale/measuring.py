"""The measurements: many bindings at once, and an operator that starts anew with all of them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipewise_crds import API_VERSION
from support.deployed import Deployed, binding_manifest
from support.operating import metric_in
from support.usage import Usage, usage

_CREATORS = 8
_WITHIN_SECONDS = 600.0
_POLL_SECONDS = 0.5
"""Each look costs the operator a scrape of its metrics."""
_REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bindings that were created as fast as the API server takes them.

    Attributes:
        number: how many.
        created_seconds: from the first to the last creation.
        ready_seconds: from the last creation until all were Ready.
        status_writes: of their statuses.
        cpu_seconds: the operator's.
        operator: at rest afterwards.
        runtime: likewise.
    """

    number: int
    created_seconds: float
    ready_seconds: float
    status_writes: float
    cpu_seconds: float
    operator: Usage
    runtime: Usage


@dataclass(frozen=True, slots=True)
class Restart:
    """An operator that started anew.

    Attributes:
        bindings: how many there were.
        judged_seconds: from its start until it had judged all of them.
        writes: of bindings and projects since.
        operator: afterwards.
    """

    bindings: int
    judged_seconds: float
    writes: float
    operator: Usage


def arrival(stage: Deployed, first: int, last: int) -> Arrival:
    """Create the bindings of so many further users, all of them with their accounts."""
    users = [f"user-{number}" for number in range(first, last)]
    stage.connect(users, "sendgrid", "twitter")
    writes, cpu, began = _written(stage), usage(stage.operator.pid).cpu_seconds, time.monotonic()
    _create(stage, users)
    created = time.monotonic()
    _wait(lambda: _ready(stage) == last, f"{last} bindings are Ready")
    ready = time.monotonic()
    spent = usage(stage.operator.pid).cpu_seconds - cpu
    time.sleep(_REST_SECONDS)
    return Arrival(
        number=len(users),
        created_seconds=created - began,
        ready_seconds=ready - created,
        status_writes=_written(stage) - writes - len(users),
        cpu_seconds=spent,
        operator=usage(stage.operator.pid),
        runtime=usage(stage.runtime.pid),
    )


def restart(stage: Deployed, bindings: int) -> Restart:
    """End the operator and start it anew."""
    stage.operator.terminate()
    kinds = ("agentmcpbindings", "pipedreamprojects")
    writes, began = _written(stage, *kinds), time.monotonic()
    stage.operator.start()
    stage.operator.url("metrics", within=60)
    _wait(lambda: _judged(stage) >= bindings, f"{bindings} bindings are judged")
    judged = time.monotonic()
    time.sleep(_REST_SECONDS)
    return Restart(
        bindings=bindings,
        judged_seconds=judged - began,
        writes=_written(stage, *kinds) - writes,
        operator=usage(stage.operator.pid),
    )


def _create(stage: Deployed, users: list[str]) -> None:
    api = stage.namespace.cluster.api
    path = f"/apis/{API_VERSION}/namespaces/{stage.namespace.name}/agentmcpbindings"
    with ThreadPoolExecutor(_CREATORS) as pool:
        list(pool.map(lambda user: api.json("POST", path, binding_manifest(user, user)), users))


def _written(stage: Deployed, *kinds: str) -> float:
    counted = stage.writes()
    return sum(counted[kind] for kind in kinds or ("agentmcpbindings",))


def _ready(stage: Deployed) -> float:
    told = {"condition": "Ready", "reason": "Ready", "status": "True"}
    return metric_in(stage.metrics(stage.operator), "pipewise_binding_condition", told)


def _judged(stage: Deployed) -> float:
    told = {"kind": "AgentMCPBinding", "result": "ok"}
    return metric_in(stage.metrics(stage.operator), "pipewise_reconciles_total", told)


def _wait(holds: Callable[[], bool], what: str) -> None:
    gives_up_at = time.monotonic() + _WITHIN_SECONDS
    while not holds():
        if time.monotonic() > gives_up_at:
            raise AssertionError(f"waited {_WITHIN_SECONDS:.0f} s in vain until {what}")
        time.sleep(_POLL_SECONDS)
