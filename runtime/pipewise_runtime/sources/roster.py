"""Which bindings this runtime serves: of its agents and placement, not paused, the oldest of each user.

Pure; sources feed it what they see and it tells the sink only what changed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipewise_crds import AgentMCPBinding
from pipewise_crds.profiles import Profiles, services_of
from pipewise_runtime.ports import Sink
from pipewise_runtime.served import ServedBinding, served_binding

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which bindings are this runtime's.

    Attributes:
        agents: the agents served; empty means all.
        placement: Sidecar or Managed.
        profiles: the services of agents whose bindings name none.
        shard: only the bindings with this shard in their status; None means all.
    """

    agents: frozenset[str]
    placement: str
    profiles: Profiles
    shard: int | None = None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A binding's claim to serve an agent and user; `binding` is None where it must not be served here."""

    place: tuple[str, str]
    age: tuple[datetime, str]
    generation: int
    is_ours: bool
    binding: ServedBinding | None


class Roster:
    """All bindings seen, and which of them the sink serves."""

    def __init__(self, scope: Scope, sink: Sink) -> None:
        self._scope = scope
        self._sink = sink
        self._claims: dict[str, _Claim] = {}
        self._claimants: dict[tuple[str, str], set[str]] = {}
        self._served: dict[str, ServedBinding] = {}
        self.has_moved = False
        """Whether a binding of this runtime came or got a new generation since this was last set to False."""

    def concerns(self, agent: str) -> bool:
        """Whether bindings of an agent matter here."""
        return not self._scope.agents or agent in self._scope.agents

    def put(self, binding: AgentMCPBinding) -> None:
        """Take up a new or changed binding."""
        name = binding.metadata.name
        if binding.metadata.deletion_timestamp is not None or not self.concerns(binding.spec.agent):
            self.remove(name)
            return
        known, claim = self._claims.get(name), self._claim(binding)
        has_changed = known is None or known.generation != claim.generation or not known.is_ours
        if claim.is_ours and has_changed:
            self.has_moved = True
        if known and known.place != claim.place:
            self.remove(name)
        self._claims[name] = claim
        self._claimants.setdefault(claim.place, set()).add(name)
        self._settle(claim.place)

    def remove(self, name: str) -> None:
        """Forget a binding: it is deleted, or no longer readable."""
        claim = self._claims.pop(name, None)
        if claim is None:
            return
        claimants = self._claimants[claim.place]
        claimants.discard(name)
        self._drop(name)
        if claimants:
            self._settle(claim.place)
        else:
            del self._claimants[claim.place]

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget all bindings but these."""
        for name in self._claims.keys() - set(names):
            self.remove(name)

    def __len__(self) -> int:
        return len(self._served)

    def _claim(self, binding: AgentMCPBinding) -> _Claim:
        spec, metadata = binding.spec, binding.metadata
        scope, services = self._scope, None
        is_ours = spec.placement == scope.placement and scope.shard in (None, binding.status.shard)
        if is_ours and not spec.paused:
            services = services_of(spec, scope.profiles)
        return _Claim(
            place=(spec.agent, spec.user),
            age=(metadata.creation_timestamp or _BEFORE_ALL, metadata.name),
            generation=metadata.generation,
            is_ours=is_ours,
            binding=served_binding(binding, services) if services else None,
        )

    def _settle(self, place: tuple[str, str]) -> None:
        """Let the oldest binding of an agent and user be served, and no other."""
        winner = min(self._claimants[place], key=lambda name: self._claims[name].age)
        for name in self._claimants[place]:
            if name != winner:
                self._drop(name)
        binding = self._claims[winner].binding
        if binding is None:
            self._drop(winner)
        elif self._served.get(winner) != binding:
            self._served[winner] = binding
            self._sink.serve(binding)

    def _drop(self, name: str) -> None:
        if self._served.pop(name, None):
            self._sink.drop(name)
