"""A Lease as the API server shows it, and the record it stands for."""

from collections.abc import Mapping
from typing import Any

from .desired.leadership import Record

Body = dict[str, Any]


def record_in(lease: Mapping[str, Any]) -> Record:
    """What a Lease says; nobody holds one whose spec is empty."""
    spec = lease.get("spec") or {}
    return Record(
        holder=spec.get("holderIdentity") or "",
        renewed=spec.get("renewTime") or "",
        transitions=int(spec.get("leaseTransitions") or 0),
        duration_seconds=float(spec.get("leaseDurationSeconds") or 0),
    )


def lease_of(namespace: str, name: str, record: Record, before: Mapping[str, Any] | None) -> Body:
    """The Lease that says so; made from the one seen before, so that no change in between is undone."""
    old = dict(before or {})
    was = old.get("spec") or {}
    taken = was.get("acquireTime") if was.get("holderIdentity") == record.holder else record.renewed
    spec = {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": max(int(record.duration_seconds), 1),
        "renewTime": record.renewed,
        "acquireTime": taken or record.renewed,
        "leaseTransitions": record.transitions,
    }
    metadata = old.get("metadata") or {"name": name, "namespace": namespace}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
