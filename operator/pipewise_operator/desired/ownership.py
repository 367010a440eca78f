"""Whose the objects made for runtimes are: Kubernetes deletes them when their owner is gone."""

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]


def owner_reference(policy: Mapping[str, Any]) -> Json:
    """The reference to an owner that is of the cluster, so that objects of all namespaces may have it."""
    meta = policy["metadata"]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "name": meta["name"],
        "uid": meta["uid"],
    }


def owned(bodies: Iterable[Json], owner: Json | None) -> list[Json]:
    """The objects with this owner; without one they are nobody's, and stay when the release goes."""
    if owner is None:
        return list(bodies)
    return [{**body, "metadata": {**body["metadata"], "ownerReferences": [owner]}} for body in bodies]
