"""No write leaves a process that does not hold the Lease, whoever in it asks."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from lightkube.config.kubeconfig import KubeConfig, SingleConfig

from pipewise_operator.cluster import Cluster
from pipewise_operator.desired.leadership import Candidate, Record
from pipewise_operator.election import Leadership
from pipewise_operator.failures import ClusterUnavailableError, NotLeadingError

NOWHERE = "http://127.0.0.1:1"
OBJECT: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "x", "namespace": "n"},
}
WRITES: Mapping[str, Sequence[Any]] = {
    "apply_secret": (OBJECT,),
    "apply_runtime": (OBJECT,),
    "patch_status": ("AgentMCPBinding", "n", "x", {"status": {}}),
    "post_event": ({**OBJECT, "kind": "Event", "eventTime": "2026-01-01T00:00:00.000000Z"},),
    "apply": (OBJECT,),
    "delete": (OBJECT,),
}
OTHERS = {"close", "list", "secret", "children", "reviewers", "policy", "lease", "write_lease"}
"""What reads, and the one write by which a process comes to lead."""


def config() -> SingleConfig:
    parts = {
        "clusters": [{"name": "c", "cluster": {"server": NOWHERE}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    found = KubeConfig.from_dict(parts).get()
    assert found is not None
    return found


def test_every_method_of_the_door_is_known_to_read_or_to_write() -> None:
    methods = {
        name for name, _ in inspect.getmembers(Cluster, inspect.isfunction) if not name.startswith("_")
    }
    assert methods == OTHERS | set(WRITES)


@pytest.mark.parametrize("write", sorted(WRITES))
async def test_who_does_not_lead_writes_nothing(write: str) -> None:
    cluster = Cluster(config(), (), lambda: False)
    with pytest.raises(NotLeadingError):
        await getattr(cluster, write)(*WRITES[write])
    await cluster.close()


@pytest.mark.parametrize("write", sorted(WRITES))
async def test_who_leads_does_write(write: str) -> None:
    cluster = Cluster(config(), (), lambda: True)
    with pytest.raises(ClusterUnavailableError) as met:
        await getattr(cluster, write)(*WRITES[write])
    assert not isinstance(met.value, NotLeadingError)
    await cluster.close()


def test_a_process_that_stood_still_past_its_term_does_not_lead_before_anybody_has_told_it() -> None:
    now = 0.0
    leader = Candidate("a").written(Record("a", "t"), asked_at=0, now=0)
    leadership = Leadership(leader, lambda: now)
    assert leadership.leads()
    now = 6.9
    assert leadership.leads()
    now = 7.0
    assert not leadership.leads()


def test_without_an_election_the_only_process_leads() -> None:
    assert Leadership(None).leads()
