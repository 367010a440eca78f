"""The observed state: plain dictionaries fed by watches and lists, which mark what must be judged again.

Synchronous and without IO; handlers and keepers write here, the reconciler reads.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipewise_crds import REPORT_STALE_AFTER, AgentMCPBinding

from . import reading
from .alarms import Alarm, Alarms
from .departed import Departed
from .dirty import Dirty
from .index import Index
from .judge.runtimes import is_ready, news
from .keys import Key
from .records import BindingRecord, ProjectRecord, RuntimeRecord, taken_up_by_status

Body = dict[str, Any]


class World:
    """Everything observed, by kind; `dirty` and `alarms` say what is to be looked at again and when."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.dirty = Dirty()
        self.alarms = Alarms()
        self.departed = Departed()
        self.bindings: dict[Key, BindingRecord] = {}
        self.projects: dict[Key, ProjectRecord] = {}
        self.runtimes: dict[Key, RuntimeRecord] = {}
        self.pods: dict[Key, bool] = {}
        self.accounts: dict[Key, str] = {}
        """The ServiceAccounts of the pods that hold a sidecar."""
        self.of_project: Index[Key] = Index()
        self.of_user: Index[tuple[Key, str]] = Index()
        self.of_pair: Index[tuple[str, str, str]] = Index()
        self._uids: dict[tuple[str, Key], tuple[str, int]] = {}
        self._seen: Mapping[str, Callable[[Key, Body], None]] = {
            "AgentMCPBinding": self._binding_seen,
            "PipedreamProject": self._project_seen,
            "MCPRuntime": self._runtime_seen,
            "Pod": self._pod_seen,
        }
        self._gone: Mapping[str, Callable[[Key], None]] = {
            "AgentMCPBinding": self._binding_gone,
            "PipedreamProject": self._project_gone,
            "MCPRuntime": self._runtime_gone,
            "Pod": self._pod_gone,
        }

    def observe(self, kind: str, body: Body) -> None:
        """Take in an object as it is; what we have seen already, or newer, changes nothing."""
        key, meta = Key.of(body), body["metadata"]
        uid, version = meta["uid"], int(meta["resourceVersion"])
        known_uid, known_version = self._uids.get((kind, key), (uid, -1))
        if version <= known_version:
            return
        if uid != known_uid:
            self._gone[kind](key)
        self._uids[kind, key] = (uid, version)
        self._seen[kind](key, body)

    def forget(self, kind: str, key: Key, uid: str | None = None) -> None:
        """Take in that an object is gone; with a uid, only if it is that one."""
        known = self._uids.get((kind, key))
        if known is not None and uid in (None, known[0]):
            del self._uids[kind, key]
            self._gone[kind](key)

    def known(self, kind: str) -> dict[Key, str]:
        """The uids of all known objects of a kind: what a listing that starts now must confirm."""
        return {key: uid for (of_kind, key), (uid, _) in self._uids.items() if of_kind == kind}

    def replace(self, kind: str, before: Mapping[Key, str], bodies: Iterable[Body]) -> None:
        """Take in a whole listing; what was known before it began and is not in it has gone unnoticed."""
        listed = {Key.of(body): body for body in bodies}
        for key, uid in before.items():
            if key not in listed:
                self.forget(kind, key, uid)
        for body in listed.values():
            self.observe(kind, body)

    def refresh(self, key: Key) -> None:
        """Find out whether a runtime is ready now, and mark what a change of that concerns."""
        record = self.runtimes.get(key)
        if record is None:
            return
        registration, now = record.registration, self.clock()
        pod_ready = self.pods.get(Key(key.namespace, registration.pod or ""), False)
        ready = is_ready(registration, pod_ready=pod_ready, now=now)
        reported = registration.runtime.status.report_time
        if ready and registration.pod is None and reported is not None:
            self.alarms.set(Alarm("MCPRuntime", key), reported + REPORT_STALE_AFTER)
        if ready != record.ready:
            record.ready = ready
            self._mark_namespace(key.namespace)

    def runtimes_in(self, namespace: str) -> list[RuntimeRecord]:
        """The runtimes of a namespace, by name."""
        return [record for key, record in sorted(self.runtimes.items()) if key.namespace == namespace]

    def _mark_namespace(self, namespace: str) -> None:
        self.dirty.mark(
            bindings=[key for key in self.bindings if key.namespace == namespace],
            projects=[key for key in self.projects if key.namespace == namespace],
            shares=[namespace],
        )

    def _binding_seen(self, key: Key, body: Body) -> None:
        read = reading.binding(body)
        binding, known = read.object, self.bindings.get(key)
        if known is None or known.binding.metadata.generation != binding.metadata.generation:
            after = 0 if taken_up_by_status(binding) else int(binding.metadata.resource_version)
            record = BindingRecord(binding, read.invalid, after, self.clock())
            if known is not None:
                record.last_told = known.last_told
        elif known.binding.status.shard != binding.status.shard:
            # A runtime serves it from where it has seen this, whatever it has seen before.
            after = int(binding.metadata.resource_version)
            record = replace(known, binding=binding, invalid=read.invalid, taken_up_after=after)
        else:
            record = replace(known, binding=binding, invalid=read.invalid)
        if known is not None:
            self._unindex(key, known.binding)
        self.bindings[key] = record
        self._index(key, binding)
        if shard_of(known) != shard_of(record):
            self.dirty.mark(children=[key.namespace])
        if known is None or known.binding.spec != binding.spec or binding.metadata.deletion_timestamp:
            self.dirty.mark(bindings=[key, *self.of_pair[_pair(binding)]])
        elif binding.status != record.told:
            self.dirty.mark(bindings=[key])

    def _binding_gone(self, key: Key) -> None:
        record = self.bindings.pop(key, None)
        if record is not None:
            self._unindex(key, record.binding)
            if shard_of(record) is not None:
                self.dirty.mark(children=[key.namespace])
            self.alarms.clear(Alarm("AgentMCPBinding", key))
            self.dirty.mark(bindings=self.of_pair[_pair(record.binding)])

    def _index(self, key: Key, binding: AgentMCPBinding) -> None:
        project = Key(key.namespace, binding.spec.project_ref)
        self.of_project.add(project, key)
        self.of_user.add((project, binding.spec.user), key)
        self.of_pair.add(_pair(binding), key)

    def _unindex(self, key: Key, binding: AgentMCPBinding) -> None:
        project = Key(key.namespace, binding.spec.project_ref)
        self.of_project.discard(project, key)
        self.of_user.discard((project, binding.spec.user), key)
        self.of_pair.discard(_pair(binding), key)

    def _project_seen(self, key: Key, body: Body) -> None:
        read, known = reading.project(body), self.projects.get(key)
        is_new = known is None or known.project.metadata.generation != read.object.metadata.generation
        if known is None:
            self.projects[key] = ProjectRecord(read.object, read.invalid)
        else:
            known.project, known.invalid = read.object, read.invalid
        self.dirty.mark(projects=[key])
        if known is None:
            self.dirty.mark(children=[key.namespace])
        if is_new:
            self.dirty.mark(bindings=self.of_project[key], shares=[key.namespace])

    def _project_gone(self, key: Key) -> None:
        self.projects.pop(key, None)
        self.dirty.mark(
            projects=[key],
            bindings=self.of_project[key],
            shares=[key.namespace],
            children=[key.namespace],
        )

    def _runtime_seen(self, key: Key, body: Body) -> None:
        registration, known = reading.registration(body), self.runtimes.get(key)
        before = known.registration.runtime.status if known else None
        self.runtimes[key] = RuntimeRecord(registration, ready=known.ready if known else False)
        self.refresh(key)
        concerns = news(before, registration.runtime.status)
        if concerns.everything:
            self._mark_namespace(key.namespace)
        self.dirty.mark(
            bindings=[Key(key.namespace, name) for name in concerns.bindings],
            shares=[key.namespace] if concerns.shares else [],
        )
        reached = range(
            (known.registration.synced_through if known else 0) + 1, registration.synced_through + 1
        )
        self.dirty.mark(
            bindings=[
                each
                for each, record in self.bindings.items()
                if record.taken_up_after in reached and each.namespace == key.namespace
            ]
        )

    def _runtime_gone(self, key: Key) -> None:
        if record := self.runtimes.pop(key, None):
            self.departed.note(record.registration.runtime, self.clock())
        self.alarms.clear(Alarm("MCPRuntime", key))
        self._mark_namespace(key.namespace)

    def _pod_seen(self, key: Key, body: Body) -> None:
        self._pod_acts_as(key, reading.sidecar_account(body))
        self._pod_is(key, ready=reading.pod_is_ready(body))

    def _pod_gone(self, key: Key) -> None:
        self._pod_acts_as(key, None)
        self._pod_is(key, ready=None)

    def _pod_acts_as(self, key: Key, account: str | None) -> None:
        if self.accounts.get(key) == account:
            return
        if account is None:
            del self.accounts[key]
        else:
            self.accounts[key] = account
        self.dirty.mark(children=[key.namespace])

    def _pod_is(self, key: Key, *, ready: bool | None) -> None:
        if ready is None:
            self.pods.pop(key, None)
        else:
            self.pods[key] = ready
        for each, record in list(self.runtimes.items()):
            if each.namespace == key.namespace and record.registration.pod == key.name:
                self.refresh(each)


def shard_of(record: BindingRecord | None) -> int | None:
    """The shard that serves a binding, if it is a managed one that has a shard."""
    if record is None or record.binding.spec.placement != "Managed":
        return None
    return record.binding.status.shard


def _pair(binding: AgentMCPBinding) -> tuple[str, str, str]:
    return binding.metadata.namespace, binding.spec.agent, binding.spec.user
