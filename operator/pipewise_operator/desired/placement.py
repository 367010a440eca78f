"""Which shard of a namespace's managed runtimes serves which binding.

An assignment is kept in the binding's status: it outlives operators, does not change when others come and go,
and is where runtimes read it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipewise_operator.keys import Key

PORT, METRICS_PORT = 8720, 8721


@dataclass(frozen=True, slots=True)
class Placed:
    """A managed binding and the shard it has; None before it was given one."""

    key: Key
    shard: int | None


def assigned(bindings: Iterable[Placed], most: int) -> Mapping[Key, int]:
    """A shard for each managed binding of one namespace, at most so many in each.

    Who has a shard keeps it; others go to the first with room, so that later ones run empty and are removed.
    """
    known = list(bindings)
    sizes: dict[int, int] = {}
    placed: dict[Key, int] = {}
    homeless: list[Key] = []
    for each in known:
        if each.shard is None or sizes.get(each.shard, 0) >= most:
            homeless.append(each.key)
        else:
            placed[each.key] = each.shard
            sizes[each.shard] = sizes.get(each.shard, 0) + 1
    shard = 0
    for key in homeless:
        while sizes.get(shard, 0) >= most:
            shard += 1
        placed[key] = shard
        sizes[shard] = sizes.get(shard, 0) + 1
    return placed


def runtime_name(shard: int) -> str:
    """Name of a shard's Deployment and Service."""
    return f"pipewise-runtime-{shard}"


def service_url(namespace: str, shard: int) -> str:
    """Where the agents of a cluster reach a shard."""
    return f"http://{runtime_name(shard)}.{namespace}.svc:{PORT}"
