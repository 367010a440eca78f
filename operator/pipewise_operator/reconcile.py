"""The one reconciler: takes what is dirty in batches, gathers, judges, publishes; all others only mark."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from pipewise_crds import PipedreamProject, Verdict
from pipewise_crds.profiles import Profiles

from .alarms import Alarm
from .announcing import Announcer
from .children import Children
from .desired.economy import waits_until
from .desired.schedule import retry_delay
from .doors import Doors
from .gathering import evidence_of, project_evidence, quota_of, reports_in
from .judge.announcements import Transition, last_told, transition
from .judge.binding import judge
from .judge.evidence import SETTLING, TAKE_UP_LIMIT, Evidence
from .judge.project import judge_invalid_project, judge_project
from .keepers import Keepers
from .keys import Key
from .placing import moves
from .publish import Publisher
from .sharing import next_look, shares_due

_log = structlog.get_logger()
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where judgements go."""

    publisher: Publisher
    announcer: Announcer
    children: Children


@dataclass(frozen=True, slots=True)
class Rules:
    """What the installation says of all bindings."""

    profiles: Profiles
    bindings_per_shard: int | None = None
    """None: there are no managed runtimes."""


class Reconciler:
    """Runs until cancelled; `wake` is called whenever something was marked."""

    def __init__(self, doors: Doors, keepers: Keepers, outlets: Outlets, rules: Rules) -> None:
        self._doors, self._keepers, self._rules = doors, keepers, rules
        self._publisher, self._announcer = outlets.publisher, outlets.announcer
        self._children = outlets.children
        self._world, self._clock = doors.world, doors.world.clock
        self._wake = asyncio.Event()
        self._failures = 0

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Judge what is dirty, then wait for more or for the next alarm."""
        while True:
            self._wake.clear()
            self._ring()
            if self._world.dirty:
                await self._round()
            else:
                await self._sleep()

    def _ring(self) -> None:
        for alarm in self._world.alarms.due(self._clock()):
            match alarm.kind:
                case "Shares":
                    self._world.dirty.mark(shares=[alarm.key.namespace])
                case "MCPRuntime":
                    self._world.refresh(alarm.key)
                case "PipedreamProject":
                    self._world.dirty.mark(projects=[alarm.key])
                case _:
                    self._world.dirty.mark(bindings=[alarm.key])

    async def _sleep(self) -> None:
        upcoming = self._world.alarms.next()
        seconds = None if upcoming is None else max((upcoming - self._clock()).total_seconds(), 0.005)
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _round(self) -> None:
        dirty = self._world.dirty
        projects, namespaces = dirty.take_projects(), dirty.take_shares()
        for key in projects:
            self._keepers.follow(key)
        wrote_projects = await asyncio.gather(*(self._project(key) for key in projects))
        self._children.look(dirty.take_children())
        bindings = dirty.take_bindings(_BATCH)
        placed = moves(self._world, bindings, self._rules.bindings_per_shard)
        bindings = list(dict.fromkeys([*bindings, *placed]))
        transitions: list[Transition] = []
        wrote = await asyncio.gather(
            *(
                self._place(key, placed[key]) if key in placed else self._binding(key, transitions)
                for key in bindings
            )
        )
        await self._announcer.tell(transitions, [r.project.metadata for r in self._world.projects.values()])
        shared = await asyncio.gather(*(self._shares(namespace) for namespace in namespaces))
        retry_projects = [key for key, done in zip(projects, wrote_projects, strict=True) if not done]
        retry_bindings = [key for key, done in zip(bindings, wrote, strict=True) if not done]
        retry_shares = [namespace for namespace, done in zip(namespaces, shared, strict=True) if not done]
        if not (retry_projects or retry_bindings or retry_shares):
            self._failures = 0
            return
        self._failures += 1
        await asyncio.sleep(
            retry_delay(self._failures, self._doors.dice(), longest=timedelta(seconds=5)).total_seconds()
        )
        dirty.mark(bindings=retry_bindings, projects=retry_projects, shares=retry_shares)

    async def _project(self, key: Key) -> bool:
        record = self._world.projects.get(key)
        if record is None:
            return True
        now = self._clock()
        if record.invalid:
            after = judge_invalid_project(record.project, record.invalid, now)
            return await self._publisher.project(key, record.project.status, after)
        if not record.tried:
            return True
        seen = quota_of(self._world, key, record.project)
        self._set_project_alarm(key, [seen.until, record.facts.token_expires_at], now)
        self._heed_tokens(key, record.project)
        evidence = project_evidence(self._world, key.namespace, record)
        if evidence != record.evidence:
            record.evidence = evidence
            self._world.dirty.mark(bindings=self._world.of_project[key])
        self._doors.metrics.reconciles.labels("PipedreamProject", "ok").inc()
        after = judge_project(record.project, record.facts, seen, now)
        return await self._publisher.project(key, record.project.status, after)

    def _set_project_alarm(self, key: Key, moments: list[datetime | None], now: datetime) -> None:
        ahead = [moment for moment in moments if moment is not None and moment > now]
        if ahead:
            self._world.alarms.set(Alarm("PipedreamProject", key), min(ahead))

    def _heed_tokens(self, key: Key, project: PipedreamProject) -> None:
        """Hand the runtimes' word on the present token to the one who mints."""
        keeper = self._keepers.of(key)
        if keeper is None:
            return
        for report in (
            r for runtime in reports_in(self._world, key.namespace) for r in runtime.status.projects
        ):
            if report.project == project.metadata.name and report.token_expires_at is not None:
                if report.token == "Rejected":
                    keeper.tokens.reject(report.token_expires_at, by_runtime=True)
                elif report.token == "Accepted":
                    keeper.tokens.accept(report.token_expires_at)

    async def _binding(self, key: Key, transitions: list[Transition]) -> bool:
        record = self._world.bindings.get(key)
        if record is None or record.binding.metadata.deletion_timestamp is not None:
            return True
        project = self._world.projects.get(Key(key.namespace, record.binding.spec.project_ref))
        if project is not None and not project.invalid and not project.tried and not record.invalid:
            return True
        try:
            evidence = evidence_of(self._world, key, self._rules.profiles)
            self._watch_accounts(key, evidence)
            self._set_alarm(key, evidence)
            if evidence.is_settling:
                return True
            after = judge(evidence)
        except Exception:  # noqa: BLE001 - the edge of one judgement: a bug about one binding spares the others
            _log.exception("binding not judged", namespace=key.namespace, name=key.name)
            self._doors.metrics.reconciles.labels("AgentMCPBinding", "error").inc()
            return True
        self._doors.metrics.reconciles.labels("AgentMCPBinding", "ok").inc()
        later = waits_until(record.binding.status, after, record.told_at)
        if later is not None and later > evidence.now:
            self._world.alarms.set(Alarm("AgentMCPBinding", key), later)
            return True
        record.last_told = last_told(record.binding, record.last_told)
        change = transition(record.binding, after, record.last_told)
        record.tell(after, evidence.now)
        written = await self._publisher.binding(key, record.binding.status, after)
        if change is not None and written:
            transitions.append(change)
        return written

    async def _place(self, key: Key, shard: int | None) -> bool:
        """Tell a binding its shard; it is judged when that was written."""
        before = self._world.bindings[key].binding.status
        return await self._publisher.binding(key, before, before.model_copy(update={"shard": shard}))

    def _set_alarm(self, key: Key, evidence: Evidence) -> None:
        """Look again when the settling or a refusal ends, and when a generation should have been taken up."""
        alarm, seen = Alarm("AgentMCPBinding", key), evidence.generation_seen_at
        is_awaited = not evidence.serving and any(runtime.ready for runtime in evidence.runtimes)
        if seen is not None and evidence.is_settling:
            self._world.alarms.set(alarm, seen + SETTLING)
        elif seen is not None and is_awaited and evidence.waited < TAKE_UP_LIMIT:
            self._world.alarms.set(alarm, seen + TAKE_UP_LIMIT)
        elif (end := evidence.next_end) is not None:
            self._world.alarms.set(alarm, end)
        else:
            self._world.alarms.clear(alarm)

    def _watch_accounts(self, key: Key, evidence: Evidence) -> None:
        """Have this user's accounts looked at again while one of them is not well."""
        spec = evidence.binding.spec
        keeper = self._keepers.of(Key(key.namespace, spec.project_ref))
        if keeper is None:
            return
        news = [
            report.last_seen
            for runtime in evidence.serving
            for report in runtime.exceptions.values()
            if report.verdict is Verdict.CREDENTIAL_INVALID
        ]
        if evidence.awaits_accounts and evidence.generation_seen_at is not None:
            news.append(evidence.generation_seen_at)
        unwell = any(account.is_unwell for account in evidence.accounts.values())
        if (unwell or news) and not evidence.blocked and spec.demo != "Always":
            keeper.accounts.watch(spec.user, key.name, max(news, default=None))
        else:
            keeper.accounts.unwatch(spec.user, key.name)

    async def _shares(self, namespace: str) -> bool:
        due, look = shares_due(self._world, namespace), next_look(self._world, namespace)
        if look is not None:
            self._world.alarms.set(Alarm("Shares", Key(namespace, "")), look)
        for name, each in due.items():
            record = self._world.runtimes.get(Key(namespace, name))
            if record and not await self._publisher.shares(Key(namespace, name), record, each):
                return False
        return True
