"""Keeps the objects of runtimes as they should be: rights wherever one runs, and the managed runtimes.

What is wanted follows from the observed state alone, and what is there is listed: nothing is remembered
elsewhere, no finalizer is needed, and what somebody changes by hand is put right within a minute. All of it
is owned by the admission policy of runtimes: none outlives what confines it, or the release.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
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
from .desired.schedule import retry_delay
from .failures import ClusterError, NotFoundError, RejectedError
from .publish import IN_FLIGHT
from .world import World, shard_of

Body = Mapping[str, Any]

_log = structlog.get_logger()
_LOOK_SECONDS = 60.0
_RETRY_SECONDS = 2.0
_NO_NAMESPACE = ""
"""Where the one object that belongs to no namespace is kept: who may have tokens reviewed."""


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


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What failed in a namespace: how often in a row, and when it is looked at again."""

    failures: int
    again: asyncio.TimerHandle


class Children:
    """Applies what is missing or was changed, and deletes what is not needed any more.

    Each namespace is kept by itself: where the API server refuses or fails, the others do not wait.
    """

    def __init__(self, cluster: Cluster, world: World, installation: Installation) -> None:
        self._cluster, self._world, self._installation = cluster, world, installation
        # Without managed runtimes the operator has no rights to the rest.
        self._kinds = IDENTITY_KINDS if installation.managed is None else (*IDENTITY_KINDS, *MANAGED_KINDS)
        self._there: dict[Name, Body] = {}
        self._owner: dict[str, Any] | None = None
        self._namespaces: set[str] = set()
        self._busy: set[str] = set()
        self._troubles: dict[str, _Trouble] = {}
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._wake = asyncio.Event()

    def look(self, namespaces: Iterable[str]) -> None:
        """Have these namespaces looked at."""
        self._namespaces |= set(namespaces)
        if self._namespaces:
            self._namespaces.add(_NO_NAMESPACE)
            self._wake.set()

    async def run(self) -> None:
        """Keep them until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._list()
                    async with asyncio.timeout(_LOOK_SECONDS):
                        while True:
                            self._wake.clear()
                            self._begin(group)
                            await self._wake.wait()
                except TimeoutError:
                    continue
                except RejectedError as error:
                    _log.warning(
                        "runtimes' objects cannot be listed: see the chart's Roles", cause=str(error)
                    )
                    await asyncio.sleep(_LOOK_SECONDS)
                except ClusterError as error:
                    _log.warning("runtimes' objects not listed; tried again", cause=str(error))
                    await asyncio.sleep(_RETRY_SECONDS)

    async def _list(self) -> None:
        """Learn what is there, and have every namespace looked at."""
        self._owner = await self._found_owner()
        found = [*await self._cluster.children(self._kinds), *await self._found_reviewers()]
        self._there = {Name.of(body): body for body in found}
        self.look(name.namespace for name in self._there)
        self.look(key.namespace for key in (*self._world.bindings, *self._world.accounts))

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

    async def _found_reviewers(self) -> Sequence[Body]:
        """Who may have tokens reviewed at present: one object or none."""
        settings = self._installation.managed
        if settings is None or not settings.authentication:
            return ()
        try:
            return (await self._cluster.reviewers(settings.authentication),)
        except NotFoundError:
            return ()

    def _begin(self, group: asyncio.TaskGroup) -> None:
        """Have those kept that wait for it; one that is being kept is looked at once more after that."""
        taken = self._namespaces - self._busy
        if not taken:
            return
        self._namespaces -= taken
        self._busy |= taken
        found = self._census()
        for namespace in sorted(taken):
            group.create_task(self._keep(namespace, self._wanted(namespace, found)))

    async def _keep(self, namespace: str, wanted: Sequence[Body]) -> None:
        async with self._slots:
            there = [body for name, body in self._there.items() if name.namespace == namespace]
            change = drift(wanted, there)
            applied = [await self._apply(body) for body in change.apply]
            deleted = [await self._delete(body) for body in reversed(change.delete)]
        self._busy.discard(namespace)
        self._settle(namespace, is_kept=all([*applied, *deleted]))
        self._wake.set()

    def _settle(self, namespace: str, *, is_kept: bool) -> None:
        """Look again where something failed, each time after a longer pause."""
        trouble = self._troubles.pop(namespace, None)
        if trouble is not None:
            trouble.again.cancel()
        if not is_kept:
            failures = trouble.failures + 1 if trouble else 1
            pause = retry_delay(failures, dice=0.5).total_seconds()
            again = asyncio.get_running_loop().call_later(pause, self.look, [namespace])
            self._troubles[namespace] = _Trouble(failures, again)

    async def _apply(self, body: Body) -> bool:
        is_done = await _done(self._cluster.apply(body), body, "applied")
        if is_done:
            self._there[Name.of(body)] = body
        return is_done

    async def _delete(self, body: Body) -> bool:
        is_done = await _done(self._cluster.delete(body), body, "deleted")
        if is_done:
            self._there.pop(Name.of(body), None)
        return is_done

    def _wanted(self, namespace: str, found: Mapping[str, Census]) -> Sequence[Body]:
        settings, census = self._installation.managed, found.get(namespace, Census())
        if namespace == _NO_NAMESPACE:
            # The managed runtimes, and no others, may have tokens reviewed.
            if settings is None or not settings.authentication:
                return ()
            sharded = sorted(name for name, each in found.items() if each.shards)
            return (authentication(settings.authentication, sharded),)
        accounts = census.accounts | ({ROLE} if census.shards else set())
        wanted = identities(namespace, accounts, census.projects)
        if settings is not None:
            wanted += managed(namespace, sorted(census.shards), settings, self._installation.profiles)
        return owned(wanted, self._owner)

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


async def _done(request: Awaitable[None], body: Body, done: str) -> bool:
    """Make one request; one that fails spares the others."""
    what = Name.of(body)._asdict()
    try:
        await request
    except ClusterError as error:
        _log.warning(f"runtime's object not {done}; tried again", **what, cause=str(error))
        return False
    _log.info(f"runtime's object {done}", **what)
    return True
