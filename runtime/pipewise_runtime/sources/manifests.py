"""Manifests in files: bindings, projects and Secrets as one writes them for kubectl, read strictly.

Pure; `files` reads the files. Messages name the file, the object and the field, never a value.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from pipewise_crds import (
    API_VERSION,
    AgentMCPBinding,
    BindingSpec,
    Model,
    ObjectMeta,
    PipedreamProject,
    ProjectSpec,
)

V = TypeVar("V")
M = TypeVar("M", bound=BaseModel)


class ManifestError(Exception):
    """A file cannot be used; the message says which, where and why."""


class _Secret(Model):
    metadata: ObjectMeta
    data: dict[str, str] = Field(default={})
    string_data: dict[str, str] = Field(default={})


@dataclass(frozen=True, slots=True)
class Manifests:
    """All objects of a folder, by name."""

    bindings: dict[str, AgentMCPBinding] = field(default_factory=dict)
    projects: dict[str, PipedreamProject] = field(default_factory=dict)
    secrets: dict[str, Mapping[str, str]] = field(default_factory=dict, repr=False)


def manifests_of(texts: Mapping[str, str]) -> Manifests:
    """Read all documents of all files.

    Args:
        texts: what each file says, by its name.

    Raises:
        ManifestError: a document is not YAML, of no known kind, does not fit its kind, or is there twice.
    """
    manifests = Manifests()
    for name, text in texts.items():
        for document in _documents(name, text):
            _take(manifests, name, document)
    return manifests


def _documents(file: str, text: str) -> Iterator[dict[str, Any]]:
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise ManifestError(not_yaml(file, error)) from None
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict):
            raise ManifestError(
                f"{file}: a document is not an object with apiVersion, kind, metadata and spec"
            )
        if document.get("kind") == "List":
            yield from document.get("items") or []
        else:
            yield document


def _take(manifests: Manifests, file: str, document: dict[str, Any]) -> None:
    version, kind = document.get("apiVersion"), document.get("kind")
    match version, kind:
        case _, "AgentMCPBinding" if version == API_VERSION:
            binding = _read(AgentMCPBinding, BindingSpec, file, document)
            _add(manifests.bindings, file, f"{kind} {binding.metadata.name}", binding.metadata.name, binding)
        case _, "PipedreamProject" if version == API_VERSION:
            project = _read(PipedreamProject, ProjectSpec, file, document)
            _add(manifests.projects, file, f"{kind} {project.metadata.name}", project.metadata.name, project)
        case "v1", "Secret":
            name, values = _secret(file, document)
            _add(manifests.secrets, file, f"{kind} {name}", name, values)
        case _:
            raise ManifestError(
                f"{file}: {version}/{kind} is not read here; give AgentMCPBinding and PipedreamProject "
                f"({API_VERSION}) and Secret (v1)"
            )


def _add(known: dict[str, V], file: str, title: str, name: str, value: V) -> None:
    if name in known:
        raise ManifestError(f"{file}: {title} is there twice; remove one of them")
    known[name] = value


def _read(model: type[M], spec: type[BaseModel], file: str, document: dict[str, Any]) -> M:
    """Read one object, refusing unknown fields in its spec; a status, if given, is not believed."""
    title = f"{file}: {document['kind']} {_name(document)}"
    try:
        spec.model_validate(document.get("spec"), extra="forbid")
    except ValidationError as error:
        raise ManifestError(explained(f"{title}: spec", error)) from None
    try:
        return model.model_validate({key: document[key] for key in ("metadata", "spec") if key in document})
    except ValidationError as error:
        raise ManifestError(explained(title, error)) from None


def _secret(file: str, document: dict[str, Any]) -> tuple[str, Mapping[str, str]]:
    title = f"{file}: Secret {_name(document)}"
    try:
        secret = _Secret.model_validate(document)
        decoded = {key: base64.b64decode(value, validate=True).decode() for key, value in secret.data.items()}
    except ValidationError as error:
        raise ManifestError(explained(title, error)) from None
    except (binascii.Error, UnicodeDecodeError):
        raise ManifestError(f"{title}: data must be base64; use stringData for plain text") from None
    return secret.metadata.name, {**decoded, **secret.string_data}


def _name(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else "without a name"


def not_yaml(file: str, error: yaml.YAMLError) -> str:
    """Where a file is not YAML, and why; in one line, and without what it says."""
    mark = getattr(error, "problem_mark", None)
    place = f", line {mark.line + 1}" if mark else ""
    return f"{file}{place}: not YAML: {getattr(error, 'problem', None) or 'unreadable'}"


def explained(title: str, error: ValidationError) -> str:
    """All faults of an object, each with its field."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        ".".join([title, *(str(part) for part in fault["loc"])]) + f": {fault['msg']}" for fault in faults
    )
