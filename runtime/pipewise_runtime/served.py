"""What a runtime serves: bindings and projects as plain values, stripped of everything a call does not need.

Sources (Kubernetes, files) make these from the contract's models; the call path reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from pipewise_crds import (
    AccountState,
    AgentMCPBinding,
    BindingStatus,
    PipedreamProject,
    Resilience,
    Service,
)

UNUSABLE: frozenset[AccountState] = frozenset({"Missing", "Unhealthy", "Dead"})
"""Account states in which Pipedream cannot act for the user."""


class Project(msgspec.Struct, frozen=True, cache_hash=True):
    """Who we are at Pipedream and where it is."""

    name: str
    project_id: str
    environment: str
    mcp_url: str


@dataclass(frozen=True, slots=True)
class ServedService:
    """One service of a served binding."""

    name: str
    app: str
    account_id: str | None
    account: AccountState
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class ServedBinding:
    """One agent acting for one user."""

    name: str
    agent: str
    user: str
    project: str
    services: tuple[ServedService, ...]
    demo: Literal["WhenUnauthorized", "Never", "Always"]
    resilience: Resilience

    def is_demo(self, service: ServedService) -> bool:
        """Whether the service answers with made-up results."""
        if self.demo == "Always":
            return True
        return self.demo == "WhenUnauthorized" and service.account in UNUSABLE

    def live(self) -> tuple[ServedService, ...]:
        """The services that are answered by the real upstream."""
        return tuple(service for service in self.services if not self.is_demo(service))

    def service(self, name: str) -> ServedService | None:
        """The service of that name."""
        return next((service for service in self.services if service.name == name), None)


def served_project(project: PipedreamProject) -> Project:
    """The part of a project that calls need."""
    spec = project.spec
    return Project(project.metadata.name, spec.project_id, spec.environment, spec.endpoints.mcp)


def served_binding(binding: AgentMCPBinding, services: Sequence[Service]) -> ServedBinding:
    """The part of a binding that calls need; `services` are its own or its profile's."""
    spec = binding.spec
    return ServedBinding(
        name=binding.metadata.name,
        agent=spec.agent,
        user=spec.user,
        project=spec.project_ref,
        services=tuple(_served_service(service, binding.status) for service in services),
        demo=spec.demo,
        resilience=spec.resilience,
    )


def _served_service(service: Service, status: BindingStatus) -> ServedService:
    account: AccountState = "Unknown"
    for seen in status.services:
        if seen.name == service.name and seen.app == service.app:
            account = seen.account.state
    return ServedService(
        name=service.name,
        app=service.app,
        account_id=service.account_id,
        account=account,
        allow=tuple(service.tools.allow),
        deny=tuple(service.tools.deny),
        timeout_seconds=service.timeout.total_seconds(),
    )
