"""The CustomResourceDefinitions of the three kinds, built from their models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .binding import AgentMCPBinding, BindingSpec, BindingStatus
from .project import PipedreamProject, ProjectSpec, ProjectStatus
from .runtime import MCPRuntime, RuntimeSpec, RuntimeStatus
from .structural import structural_schema

GROUP = "mcp.pipewise.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """Everything the API server needs to know of one kind."""

    name: str
    plural: str
    short: str
    model: type[BaseModel]
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: Sequence[Column]
    selectable: Sequence[str] = ()
    spec_required: bool = True


_AGE = Column("Age", ".metadata.creationTimestamp", "date")


def _condition(kind: str, field: str) -> str:
    return f".status.conditions[?(@.type=='{kind}')].{field}"


BINDING = Kind(
    name="AgentMCPBinding",
    plural="agentmcpbindings",
    short="amb",
    model=AgentMCPBinding,
    spec=BindingSpec,
    status=BindingStatus,
    columns=(
        Column("Agent", ".spec.agent"),
        Column("User", ".spec.user"),
        Column("Ready", _condition("Ready", "status")),
        Column("Reason", _condition("Ready", "reason")),
        Column("Services", ".status.servicesReady", description="Healthy services of all."),
        Column("Mode", ".status.mode", description="Live, Demo or Mixed."),
        Column("Message", _condition("Ready", "message"), priority=1),
        _AGE,
    ),
    selectable=(".spec.agent", ".spec.user"),
)
PROJECT = Kind(
    name="PipedreamProject",
    plural="pipedreamprojects",
    short="pdp",
    model=PipedreamProject,
    spec=ProjectSpec,
    status=ProjectStatus,
    columns=(
        Column("Project", ".spec.projectID"),
        Column("Environment", ".spec.environment"),
        Column("Ready", _condition("Ready", "status")),
        Column("Reason", _condition("Ready", "reason")),
        Column("Accounts", ".status.accounts.total", "integer"),
        Column("Healthy", ".status.accounts.healthy", "integer"),
        # Not a date: kubectl prints those as an age, and <invalid> when they are to come.
        Column("Token Expires", ".status.tokenExpiresAt", priority=1),
        _AGE,
    ),
)
RUNTIME = Kind(
    name="MCPRuntime",
    plural="mcpruntimes",
    short="mcr",
    model=MCPRuntime,
    spec=RuntimeSpec,
    status=RuntimeStatus,
    columns=(
        Column("Agents", ".status.agents"),
        Column("Bindings", ".status.bindings", "integer"),
        Column("Sessions", ".status.sessions", "integer"),
        Column("Version", ".status.version"),
        Column("Reported", ".status.reportTime", "date"),
        _AGE,
    ),
    spec_required=False,
)
KINDS = (BINDING, PROJECT, RUNTIME)


def _column(column: Column) -> dict[str, Any]:
    printed: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.priority:
        printed["priority"] = column.priority
    if column.description:
        printed["description"] = column.description
    return printed


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind, as it is sent to the API server."""
    schema = {
        "type": "object",
        "description": (kind.model.__doc__ or "").strip(),
        "properties": {"spec": structural_schema(kind.spec), "status": structural_schema(kind.status)},
    }
    if kind.spec_required:
        schema["required"] = ["spec"]
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["pipewise"],
            },
            "versions": [version],
        },
    }
