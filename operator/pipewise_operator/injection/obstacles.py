"""What keeps a pod from having a sidecar, and what its owner should know although it may have one."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from .annotations import METRICS_PORT, PORT, Wishes
from .sidecar import ACCESS_PATH, NAME, URL_VARIABLE, url_of

Json = Mapping[str, Any]


def obstacles(pod: Json, wishes: Wishes) -> tuple[str, ...]:
    """Why this pod cannot have this sidecar; every reason, each with the way out."""
    return (*_of_the_pod(pod.get("spec") or {}), *_of_ports(pod, wishes))


def concerns(pod: Json, wishes: Wishes) -> tuple[str, ...]:
    """Warnings for a pod that gets its sidecar."""
    spec = pod.get("spec") or {}
    found = [
        f'container "{each.get("name")}" sets {URL_VARIABLE} itself; the sidecar is at {url_of(wishes)}'
        for each in others(pod)
        if any(_is_owners(entry, wishes) for entry in each.get("env") or ())
    ]
    if spec.get("shareProcessNamespace"):
        found.append(
            "shareProcessNamespace lets the pod's other containers see the sidecar's process: "
            "leave it out, or trust them with the sidecar's token"
        )
    return (*found, *_of_tokens(pod))


def agents_without_profile(wishes: Wishes, known: Collection[str]) -> tuple[str, ...]:
    """A warning for each agent that the installation has no profile for: a new one, or one misspelt."""
    found = []
    for agent in wishes.agents:
        if agent not in known:
            meant = get_close_matches(agent, known, n=1)
            hint = f"; did you mean {meant[0]}?" if meant else ""
            found.append(f'agent "{agent}" has no profile: its bindings must list their services{hint}')
    return tuple(found)


def others(pod: Json) -> Iterator[Json]:
    """All containers of a pod but the sidecar."""
    spec = pod.get("spec") or {}
    for each in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        if each.get("name") != NAME:
            yield each


def _of_the_pod(spec: Json) -> Iterator[str]:
    if spec.get("hostNetwork"):
        yield (
            "hostNetwork is true: every process of the node could call as any user through the sidecar's "
            "loopback port. Leave hostNetwork out, or use `placement: Managed` in the bindings"
        )
    if (spec.get("os") or {}).get("name") == "windows":
        yield "os.name is windows: the runtime is a Linux program. Use `placement: Managed` in the bindings"
    if any(each.get("name") == NAME for each in spec.get("containers") or ()):
        yield f'a container is named "{NAME}", which is the sidecar\'s name: rename it'


def _of_tokens(pod: Json) -> Iterator[str]:
    """The API server has mounted tokens before it asks the webhook."""
    names = [each.get("name") for each in others(pod) if _mounts_token(each)]
    if names:
        who = f'container "{names[0]}"' + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        yield (
            f"{who} may use the ServiceAccount's token and so read Pipedream's, good for all users: set "
            "automountServiceAccountToken: false in the pod; the sidecar has its own"
        )


def _mounts_token(container: Json) -> bool:
    mounts = container.get("volumeMounts") or ()
    return any(str(mount.get("mountPath")).rstrip("/") == ACCESS_PATH for mount in mounts)


def _of_ports(pod: Json, wishes: Wishes) -> Iterator[str]:
    if wishes.port == wishes.metrics_port:
        yield f"{PORT} and {METRICS_PORT} are both {wishes.port}: give the sidecar two ports"
    for annotation, port in ((PORT, wishes.port), (METRICS_PORT, wishes.metrics_port)):
        for each in others(pod):
            if any(declared.get("containerPort") == port for declared in each.get("ports") or ()):
                yield (
                    f'container "{each.get("name")}" declares port {port}, which the sidecar listens on: '
                    f"choose another for the sidecar with the annotation {annotation}"
                )


def _is_owners(entry: Json, wishes: Wishes) -> bool:
    """Whether an environment entry is the pod's own word on where the sidecar is."""
    return entry.get("name") == URL_VARIABLE and entry.get("value") != url_of(wishes)
