"""The two doors out, the observed state and the instruments, as one value for those who need all of them."""

from collections.abc import Callable
from dataclasses import dataclass

from .cluster import Cluster
from .connect import Pipedream
from .metrics import Metrics
from .world import World


@dataclass(frozen=True, slots=True)
class Doors:
    """What a keeper or the reconciler works with."""

    cluster: Cluster
    pipedream: Pipedream
    world: World
    metrics: Metrics
    dice: Callable[[], float]
    """A number in [0, 1), for jitter."""
