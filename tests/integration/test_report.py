"""The runtime's own object on a real API server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipewise_crds import RuntimeStatus, Verdict
from pipewise_runtime.core.evidence import Evidence, ProviderSeen
from pipewise_runtime.report import Facts, Identity, Report
from pipewise_runtime.sources.cluster import connect
from support.cluster import Cluster, Namespace
from support.eventually import eventually

NAME = "runtime-1"
CONSTANTS = RuntimeStatus(agents=["coordinator"], endpoint="http://127.0.0.1:8720", version="1.2.3")


@dataclass
class Progress:
    """How far a source has come, set by the test."""

    synced: asyncio.Event = field(default_factory=asyncio.Event)
    synced_through: str = "7"
    bindings: int = 3
    moved: bool = True

    def take_moved(self) -> bool:
        """Whether a binding moved since this was last asked."""
        moved, self.moved = self.moved, False
        return moved


@dataclass
class Rig:
    """A report that runs, and what it reports of."""

    report: Report
    evidence: Evidence
    progress: Progress


@asynccontextmanager
async def reporting(namespace: Namespace, identity: Identity | None = None) -> AsyncIterator[Rig]:
    client = connect(namespace.cluster.kubeconfig, namespace.name)
    evidence, progress = Evidence(), Progress()
    progress.synced.set()
    facts = Facts(evidence, CONSTANTS, progress, sessions=lambda: 4)
    report = Report(client, identity or Identity(NAME), facts)
    task = asyncio.create_task(report.run())
    try:
        yield Rig(report, evidence, progress)
    finally:
        task.cancel()
        await asyncio.wait((task,))
        await report.withdraw()
        await client.close()


def runtime_in(namespace: Namespace) -> dict[str, Any]:
    found = namespace.items("mcr")
    return found[0] if found else {}


def status_in(namespace: Namespace) -> dict[str, Any]:
    status: dict[str, Any] = runtime_in(namespace).get("status", {})
    return status


async def test_it_registers_itself_and_says_what_it_serves(namespace: Namespace) -> None:
    async with reporting(namespace):
        status = await eventually(lambda: status_in(namespace))
    assert status.pop("reportTime")
    assert status == {
        "agents": ["coordinator"],
        "placement": "Sidecar",
        "endpoint": "http://127.0.0.1:8720",
        "syncedThrough": "7",
        "projects": [],
        "providers": [],
        "exceptions": [],
        "bindings": 3,
        "sessions": 4,
        "version": "1.2.3",
    }


async def test_evidence_is_written_and_taken_back(namespace: Namespace) -> None:
    async with reporting(namespace) as rig:
        await eventually(lambda: status_in(namespace))
        now = datetime.now(UTC)
        rig.evidence.provider("default", "sendgrid", ProviderSeen(available=False, message="503"), now)
        rig.evidence.trouble("b1", "sendgrid", Verdict.CREDENTIAL_INVALID, "connect the account", now)
        status = await eventually(lambda: status_in(namespace)["exceptions"] and status_in(namespace))
        assert status["providers"][0]["state"] == "Unavailable"
        assert status["exceptions"][0]["verdict"] == "CredentialInvalid"
        rig.evidence.settled("b1", "sendgrid")
        await eventually(lambda: status_in(namespace)["exceptions"] == [])


async def test_a_burst_of_changes_costs_two_writes(namespace: Namespace) -> None:
    async with reporting(namespace) as rig:
        await eventually(lambda: status_in(namespace))
        before = writes_in(namespace)
        for number in range(200):
            rig.progress.synced_through, rig.progress.moved = str(100 + number), True
            rig.report.changed()
            await asyncio.sleep(0)
        await eventually(lambda: status_in(namespace)["syncedThrough"] == "299")
        assert writes_in(namespace) - before <= 2


async def test_the_same_status_is_not_written_again(namespace: Namespace) -> None:
    async with reporting(namespace) as rig:
        await eventually(lambda: status_in(namespace))
        before = writes_in(namespace)
        rig.progress.synced_through = "8"
        for _ in range(100):
            rig.report.changed()
            await asyncio.sleep(0)
        rig.evidence.provider("default", "sendgrid", ProviderSeen(available=True), datetime.now(UTC))
        await eventually(lambda: status_in(namespace)["providers"])
        assert writes_in(namespace) - before == 1


async def test_a_rejected_token_does_not_wait_for_the_second_to_pass(namespace: Namespace) -> None:
    async with reporting(namespace) as rig:
        await eventually(lambda: status_in(namespace))
        rig.progress.bindings = 4
        rig.report.changed()
        rig.evidence.token_rejected("default", datetime(2030, 1, 1, tzinfo=UTC))
        status = await eventually(
            lambda: status_in(namespace)["projects"] and status_in(namespace), within=0.9
        )
    assert status["projects"] == [
        {
            "project": "default",
            "token": "Rejected",
            "tokenExpiresAt": "2030-01-01T00:00:00Z",
            "runsUsed": 0,
            "runsWanted": 0,
        }
    ]


async def test_it_is_there_again_after_it_was_deleted(namespace: Namespace) -> None:
    async with reporting(namespace) as rig:
        uid = (await eventually(lambda: status_in(namespace) and runtime_in(namespace)))["metadata"]["uid"]
        namespace.kubectl("delete", "mcr", NAME)
        rig.report.deleted()
        again = await eventually(lambda: status_in(namespace) and runtime_in(namespace))
    assert again["metadata"]["uid"] != uid


async def test_what_changed_while_the_api_server_was_away_is_written_when_it_is_back(
    cluster: Cluster, namespace: Namespace
) -> None:
    async with reporting(namespace) as rig:
        await eventually(lambda: status_in(namespace))
        cluster.plane.kill_apiserver()
        try:
            rig.evidence.provider("default", "twitter", ProviderSeen(available=True), datetime.now(UTC))
            await eventually(lambda: rig.report.failures > 0)
        finally:
            cluster.plane.restart_apiserver()
        await eventually(lambda: status_in(namespace)["providers"], within=20)


async def test_without_a_pod_it_takes_leave_and_with_one_the_pod_owns_it(namespace: Namespace) -> None:
    async with reporting(namespace):
        await eventually(lambda: status_in(namespace))
    assert not namespace.items("mcr")
    async with reporting(namespace, Identity("pod-1", pod_uid="1234")):
        owned = await eventually(lambda: status_in(namespace) and runtime_in(namespace))
    assert owned["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "pod-1", "uid": "1234"}
    ]
    assert namespace.items("mcr")


def writes_in(namespace: Namespace) -> int:
    """Reports written so far, by the API server's own account."""
    lines = namespace.cluster.plane.audit_log.read_text().splitlines()
    references = [event["objectRef"] for line in lines if (event := json.loads(line))["verb"] == "patch"]
    ours = {"resource": "mcpruntimes", "subresource": "status", "namespace": namespace.name}
    return sum(ours.items() <= reference.items() for reference in references)
