"""From a pod and the settings to the patch that gives it its sidecar, or to the reasons why it gets none.

The patch adds, and changes only what bears our names; it is empty for a pod that has what it asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipewise_crds.profiles import BUILT_IN

from .annotations import PROFILES, RUNTIME_LABEL, Wishes, unknown_annotations, wishes_of
from .drafting import Draft, Json
from .obstacles import agents_without_profile, concerns, obstacles
from .settings import Settings, contradictions, resources_of
from .sidecar import NAME, URL_VARIABLE, container, profiles_text, url_of, volumes


@dataclass(frozen=True, slots=True)
class Patch:
    """The pod gets its sidecar."""

    operations: tuple[Json, ...]
    """JSON-patch operations (RFC 6902), in order."""
    warnings: tuple[str, ...] = ()
    """What its owner should know."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The pod cannot have the sidecar it asks for."""

    problems: tuple[str, ...]
    """Every reason, each with the way out."""

    @property
    def message(self) -> str:
        """The reasons as one text."""
        return "no sidecar for this pod: " + "; ".join(self.problems)


def patch(pod: Mapping[str, Any], settings: Settings) -> Patch | Refusal:
    """What to do with a pod that asks for a sidecar."""
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    wishes, problems = wishes_of(annotations)
    if not problems:
        problems = (*obstacles(pod, wishes), *contradictions(resources_of(wishes, settings)))
    if problems:
        return Refusal(problems)
    known = BUILT_IN if settings.profiles is None else settings.profiles
    warnings = (
        *unknown_annotations(annotations),
        *agents_without_profile(wishes, known),
        *concerns(pod, wishes),
    )
    return Patch(_operations(pod, wishes, settings), warnings)


def _operations(pod: Mapping[str, Any], wishes: Wishes, settings: Settings) -> tuple[Json, ...]:
    draft = Draft(pod)
    draft.put(("metadata", "labels"), RUNTIME_LABEL, "sidecar")
    if settings.profiles is not None:
        draft.put(("metadata", "annotations"), PROFILES, profiles_text(wishes, settings.profiles))
    for volume in volumes(settings):
        draft.have(("spec", "volumes"), volume)
    for secret in settings.pull_secrets:
        draft.keep(("spec", "imagePullSecrets"), {"name": secret})
    # First, so that the pod's own init containers find it serving.
    draft.have(("spec", "initContainers"), container(wishes, settings), first=True)
    for kind in ("initContainers", "containers"):
        for index, each in enumerate(draft.object["spec"].get(kind) or ()):
            if each.get("name") != NAME:
                # First, so that the container's other variables may refer to it.
                address = {"name": URL_VARIABLE, "value": url_of(wishes)}
                draft.keep(("spec", kind, index, "env"), address, first=True)
    return draft.operations
