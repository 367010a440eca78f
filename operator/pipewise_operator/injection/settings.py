"""What the installation decides about sidecars; the chart's values, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipewise_crds.profiles import Profiles

from .annotations import RESOURCES, Wishes
from .quantities import amount


@dataclass(frozen=True, slots=True)
class Settings:
    """How sidecars are made."""

    image: str
    """The runtime's image."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    """Secrets, in the pods' own namespaces, with which the image is pulled."""
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    log_level: str = "info"
    """Unless the pod says otherwise."""
    run_as_user: int | None = 65532
    """The sidecar's user and group; None leaves it to the image or to the cluster (OpenShift)."""
    profiles: Profiles | None = None
    """The installation's profiles; None means those built into the runtime."""


def resources_of(wishes: Wishes, settings: Settings) -> dict[str, dict[str, str]]:
    """The sidecar's resources: the installation's, with what the pod asks for."""
    chosen = {"requests": dict(settings.requests), "limits": dict(settings.limits)}
    for annotation, value in wishes.resources:
        kind, resource = RESOURCES[annotation]
        chosen[kind][resource] = value
    return {kind: amounts for kind, amounts in chosen.items() if amounts}


def contradictions(resources: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """A problem for each request above its limit, which the API server would put less plainly."""
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    problems = []
    for resource in requests.keys() & limits.keys():
        asked, most = amount(requests[resource]), amount(limits[resource])
        if asked is not None and most is not None and asked > most:
            names = [name for name, (_, meant) in RESOURCES.items() if meant == resource]
            problems.append(
                f"the sidecar's {resource} request {requests[resource]} is above its limit "
                f"{limits[resource]}: give both, with the annotations {' and '.join(names)}"
            )
    return tuple(sorted(problems))
