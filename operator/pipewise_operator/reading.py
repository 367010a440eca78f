"""Objects as the API server shows them, read into the contract's models; what cannot be read says why.

An unreadable spec is a fact about the object, told in its status, never an exception for the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from pipewise_crds import (
    AgentMCPBinding,
    BindingSpec,
    BindingStatus,
    MCPRuntime,
    Model,
    ObjectMeta,
    PipedreamProject,
    ProjectSpec,
    ProjectStatus,
)
from pipewise_crds.project import SecretRef

from .injection import INJECT_LABEL, RUNTIME_LABEL
from .judge.runtimes import Registration

M = TypeVar("M", bound=Model)
_Status = TypeVar("_Status", bound=Model)


@dataclass(frozen=True, slots=True)
class Read(Generic[M]):
    """An object, and what is wrong with its spec, which is then replaced by a placeholder nobody acts on."""

    object: M
    invalid: str | None = None


_NO_BINDING = BindingSpec(agent="invalid", user="invalid")
_NO_PROJECT = ProjectSpec(
    project_id="proj_invalid", environment="development", credentials_secret_ref=SecretRef(name="invalid")
)


def binding(body: Mapping[str, Any]) -> Read[AgentMCPBinding]:
    """Read a binding."""
    meta, status = ObjectMeta.model_validate(body["metadata"]), _status(BindingStatus, body)
    try:
        spec = BindingSpec.model_validate(body.get("spec") or {})
    except ValidationError as error:
        return Read(AgentMCPBinding(metadata=meta, spec=_NO_BINDING, status=status), in_words(error))
    return Read(AgentMCPBinding(metadata=meta, spec=spec, status=status))


def project(body: Mapping[str, Any]) -> Read[PipedreamProject]:
    """Read a project."""
    meta, status = ObjectMeta.model_validate(body["metadata"]), _status(ProjectStatus, body)
    try:
        spec = ProjectSpec.model_validate(body.get("spec") or {})
    except ValidationError as error:
        return Read(PipedreamProject(metadata=meta, spec=_NO_PROJECT, status=status), in_words(error))
    return Read(PipedreamProject(metadata=meta, spec=spec, status=status))


def registration(body: Mapping[str, Any]) -> Registration:
    """Read a runtime; a report that cannot be read counts as none, so that the runtime is not ready."""
    try:
        runtime = MCPRuntime.model_validate(body)
    except ValidationError:
        runtime = MCPRuntime(metadata=ObjectMeta.model_validate(body["metadata"]))
    owners = body["metadata"].get("ownerReferences") or []
    return Registration(
        runtime, next((owner["name"] for owner in owners if owner.get("kind") == "Pod"), None)
    )


def pod_is_ready(body: Mapping[str, Any]) -> bool:
    """Whether a Pod has the condition Ready and is not on its way out."""
    conditions = (body.get("status") or {}).get("conditions") or []
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and not body["metadata"].get("deletionTimestamp")


def sidecar_account(body: Mapping[str, Any]) -> str | None:
    """The ServiceAccount of a Pod that holds a sidecar and has not ended; None of any other Pod."""
    labels = body["metadata"].get("labels") or {}
    has_sidecar = labels.get(INJECT_LABEL) == "true" or labels.get(RUNTIME_LABEL) == "sidecar"
    has_ended = (body.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    if not has_sidecar or has_ended:
        return None
    return str((body.get("spec") or {}).get("serviceAccountName") or "default")


def _status(model: type[_Status], body: Mapping[str, Any]) -> _Status:
    """The status, empty when it cannot be read: it is judged and written anew."""
    try:
        return model.model_validate(body.get("status") or {})
    except ValidationError:
        return model()


def in_words(error: ValidationError) -> str:
    """What is wrong where; never the values, which may be anything."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'spec'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )
