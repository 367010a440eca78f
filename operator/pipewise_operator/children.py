"""Keeps the objects of runtimes as they should be: rights wherever one runs, and the managed runtimes.

What is wanted follows from the observed state alone, and what is there is listed: nothing is remembered
elsewhere, no finalizer is needed, and what somebody changes by hand is put right within a minute. All of it
is owned by the admission policy of runtimes: none outlives what confines it, or the release.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from .cluster import Cluster
from .desired.drift import Name, drift
from .desired.identities import KINDS as IDENTITY_KINDS
from .desired.identities import ROLE, identities
from .desired.managed import KINDS as MANAGED_KINDS
from .desired.managed import authentication, managed
from .desired.managed_settings import ManagedSettings
from .desired.ownership import owned, owner_reference
from .failures import ClusterError, NotFoundError, RejectedError
from .world import World, shard_of

Body = Mapping[str, Any]

_log = structlog.get_logger()
_LOOK_SECONDS = 60.0
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Installation:
    """How the objects of runtimes are made.

    Attributes:
        managed: How managed runtimes are made, if they are.
        profiles: What they get (JSON; empty: built in).
        owner: The ValidatingAdmissionPolicy to which all objects belong; empty: to none.
    """

    managed: ManagedSettings | None = None
    profiles: str = ""
    owner: str = ""

    @property
    def bindings_per_shard(self) -> int | None:
        """None: there are no managed runtimes."""
        return self.managed.bindings_per_shard if self.managed else None


@dataclass(frozen=True, slots=True)
class Census:
    """What a namespace has: shards with bindings, accounts of pods with sidecars, projects."""

    shards: set[int] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)


class Children:
    """Applies what is missing or was changed, and deletes what is not needed any more."""

    def __init__(self, cluster: Cluster, world: World, installation: Installation) -> None:
        self._cluster, self._world, self._installation = cluster, world, installation
        # Without managed runtimes the operator has no rights to the rest.
        self._kinds = IDENTITY_KINDS if installation.managed is None else (*IDENTITY_KINDS, *MANAGED_KINDS)
        self._there: dict[Name, Body] = {}
        self._owner: dict[str, Any] | None = None
        self._namespaces: set[str] = set()
        self._reviewers: Body | None = None
        self._wake = asyncio.Event()

    def look(self, namespaces: Iterable[str]) -> None:
        """Have these namespaces looked at."""
        self._namespaces |= set(namespaces)
        if self._namespaces:
            self._wake.set()

    async def run(self) -> None:
        """Keep them until cancelled."""
        while True:
            try:
                self._owner = await self._found_owner()
                self._there = {Name.of(body): body for body in await self._cluster.children(self._kinds)}
                self._namespaces |= {name.namespace for name in self._there}
                self._namespaces |= {key.namespace for key in (*self._world.bindings, *self._world.accounts)}
                async with asyncio.timeout(_LOOK_SECONDS):
                    while True:
                        self._wake.clear()
                        await self._round()
                        await self._wake.wait()
            except TimeoutError:
                continue
            except RejectedError as error:
                _log.warning("runtimes' objects cannot be listed: see the chart's Roles", cause=str(error))
                await asyncio.sleep(_LOOK_SECONDS)
            except ClusterError as error:
                _log.warning("runtimes' objects not kept; tried again", cause=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _found_owner(self) -> dict[str, Any] | None:
        """Who owns what is made from now on; agents are served in any case."""
        name = self._installation.owner
        if not name:
            return None
        try:
            return owner_reference(await self._cluster.policy(name))
        except (NotFoundError, RejectedError) as error:
            _log.warning(
                "runtimes' objects will outlive the release: their owner is not found", cause=str(error)
            )
            return None

    async def _round(self) -> None:
        taken, self._namespaces = sorted(self._namespaces), set()
        found = self._census()
        for namespace in taken:
            await self._keep(namespace, found.get(namespace, Census()))
        await self._authorise([namespace for namespace, census in found.items() if census.shards])

    async def _keep(self, namespace: str, census: Census) -> None:
        there = [body for name, body in self._there.items() if name.namespace == namespace]
        change = drift(self._wanted(namespace, census), there)
        for body in change.apply:
            await self._try(self._cluster.apply(body), body, "applied")
            self._there[Name.of(body)] = body
        for body in reversed(change.delete):
            await self._try(self._cluster.delete(body), body, "deleted")
            self._there.pop(Name.of(body), None)

    async def _try(self, request: Awaitable[None], body: Body, done: str) -> None:
        """One request; one that is refused spares the others and is made again with the next listing."""
        what = Name.of(body)._asdict()
        try:
            await request
        except RejectedError as error:
            _log.error(f"runtime's object not {done}", **what, cause=str(error))
        else:
            _log.info(f"runtime's object {done}", **what)

    def _wanted(self, namespace: str, census: Census) -> list[dict[str, Any]]:
        accounts = census.accounts | ({ROLE} if census.shards else set())
        wanted = identities(namespace, accounts, census.projects)
        settings = self._installation.managed
        if settings is not None:
            wanted += managed(namespace, sorted(census.shards), settings, self._installation.profiles)
        return owned(wanted, self._owner)

    async def _authorise(self, namespaces: Iterable[str]) -> None:
        """Let the managed runtimes, and no others, have tokens reviewed."""
        settings = self._installation.managed
        if settings is None or not settings.authentication:
            return
        wanted = authentication(settings.authentication, sorted(namespaces))
        if wanted != self._reviewers:
            await self._try(self._cluster.apply(wanted), wanted, "applied")
            self._reviewers = wanted

    def _census(self) -> Mapping[str, Census]:
        """What each namespace has that its runtimes' objects follow from, in one pass over everything."""
        found: dict[str, Census] = {}
        for pod, account in self._world.accounts.items():
            found.setdefault(pod.namespace, Census()).accounts.add(account)
        for project in self._world.projects:
            found.setdefault(project.namespace, Census()).projects.add(project.name)
        if self._installation.managed is not None:
            for key, record in self._world.bindings.items():
                shard = shard_of(record)
                if shard is not None:
                    found.setdefault(key.namespace, Census()).shards.add(shard)
        return found
