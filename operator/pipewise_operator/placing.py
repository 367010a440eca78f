"""Which bindings must be told another shard than their status says, or none any more."""

from collections.abc import Iterable, Mapping

from pipewise_crds import AgentMCPBinding

from .desired.placement import Placed, assigned
from .keys import Key
from .records import BindingRecord
from .world import World


def moves(world: World, keys: Iterable[Key], most: int | None) -> Mapping[Key, int | None]:
    """The shard each of these bindings is to have, where its status says otherwise.

    Args:
        world: what is observed.
        keys: the bindings to look at; others of their namespaces may have to move with them.
        most: bindings in a shard; None: this installation has no managed runtimes.
    """
    found: dict[Key, int | None] = {}
    namespaces: set[str] = set()
    for key in keys:
        record = world.bindings.get(key)
        if record is None:
            continue
        shard, is_managed = record.binding.status.shard, most is not None and _is_managed(record)
        if not is_managed and shard is not None:
            found[key] = None
        elif is_managed and shard is None and not record.binding.spec.paused:
            namespaces.add(key.namespace)
    if most is not None:
        for namespace in namespaces:
            found |= _assignments(world, namespace, most)
    return found


def _assignments(world: World, namespace: str, most: int) -> Mapping[Key, int]:
    managed = {
        key: record.binding
        for key, record in world.bindings.items()
        if key.namespace == namespace and _is_managed(record) and _takes_room(record.binding)
    }
    places = assigned((Placed(key, each.status.shard) for key, each in managed.items()), most)
    return {key: shard for key, shard in places.items() if managed[key].status.shard != shard}


def _is_managed(record: BindingRecord) -> bool:
    meta = record.binding.metadata
    return record.binding.spec.placement == "Managed" and not record.invalid and not meta.deletion_timestamp


def _takes_room(binding: AgentMCPBinding) -> bool:
    return not binding.spec.paused or binding.status.shard is not None
