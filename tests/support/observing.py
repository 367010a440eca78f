"""Objects as the API server would show them, for tests of what the operator makes of them."""

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pipewise_crds import ObjectMeta, PipedreamProject, ProjectSpec, timestamp

from .judging import NOON

_VERSIONS = itertools.count(100)
PROJECT_SPEC = {
    "projectID": "proj_1",
    "environment": "development",
    "credentialsSecretRef": {"name": "pipedream"},
}
BINDING_SPEC = {
    "agent": "coordinator",
    "user": "user-42",
    "services": [{"name": "sendgrid", "app": "sendgrid"}],
}
REPORT = {
    "agents": ["coordinator"],
    "syncedThrough": "999999",
    "reportTime": timestamp(NOON),
    "providers": [
        {"project": "default", "app": "sendgrid", "state": "Available", "since": timestamp(NOON)},
    ],
}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now

    def forward(self, **time: float) -> None:
        """Move on, by timedelta's arguments."""
        self.now += timedelta(**time)


def project(name: str = "default", **spec: Any) -> PipedreamProject:  # noqa: ANN401 - any field, camelCase
    """A project's model."""
    return PipedreamProject(
        metadata=ObjectMeta(name=name, namespace="n", uid=f"uid-{name}"),
        spec=ProjectSpec.model_validate({**PROJECT_SPEC, **spec}),
    )


def body(
    name: str,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **meta: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """An object in namespace n; each newer than the one before."""
    version = next(_VERSIONS)
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "uid": f"uid-{name}",
            "generation": 1,
            "resourceVersion": str(version),
            "creationTimestamp": timestamp(NOON + timedelta(seconds=version)),
            **meta,
        },
        "spec": dict(spec or {}),
        "status": dict(status or {}),
    }
