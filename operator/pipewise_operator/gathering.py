"""From the observed state to the evidence of one binding or project: everything a judgement may look at."""

from datetime import datetime

from pipewise_crds import AgentMCPBinding, BindingSpec, MCPRuntime, PipedreamProject, Reason, Service
from pipewise_crds.profiles import Profiles, services_of

from .judge.accounts import UNKNOWN, AccountEvidence, chosen
from .judge.evidence import Blocked, Evidence, ProjectEvidence
from .judge.project import token_finding
from .judge.quota import QuotaSeen, quota_seen
from .judge.runtimes import seen_from, serves
from .keys import Key
from .records import BindingRecord, ProjectRecord
from .world import World


def evidence_of(world: World, key: Key, profiles: Profiles) -> Evidence:
    """Gather what is known of a binding at this moment."""
    record = world.bindings[key]
    binding, now = record.binding, world.clock()
    services = () if record.invalid else services_of(binding.spec, profiles) or ()
    project = world.projects.get(Key(key.namespace, binding.spec.project_ref))
    blocked = _blocked(world, record, services, project)
    return Evidence(
        binding=binding,
        now=now,
        services=services,
        project=project_evidence(world, key.namespace, project) if project else None,
        accounts={service.name: _account(binding, service, project) for service in services},
        runtimes=tuple(
            seen_from(r.registration, binding, ready=r.ready, taken_up_after=record.taken_up_after)
            for r in world.runtimes_in(key.namespace)
            if serves(r.registration, binding)
        ),
        blocked=blocked,
        generation_seen_at=record.generation_seen_at,
    )


def quota_of(world: World, key: Key, project: PipedreamProject) -> QuotaSeen:
    """How a project's quota stands by the reports of its namespace's runtimes."""
    records = world.runtimes_in(key.namespace)
    ready = (record.registration.runtime for record in records if record.ready)
    return quota_seen(project, reports_in(world, key.namespace), ready, world.clock())


def reports_in(world: World, namespace: str) -> list[MCPRuntime]:
    """What the runtimes of a namespace report."""
    return [record.registration.runtime for record in world.runtimes_in(namespace)]


def project_evidence(world: World, namespace: str, record: ProjectRecord) -> ProjectEvidence:
    """What a project's bindings are judged by."""
    name, now = record.project.metadata.name, world.clock()
    return ProjectEvidence(
        name=name,
        token=token_finding(name, record.facts, now),
        quota_exhausted_until=quota_of(world, Key(namespace, name), record.project).refused_until,
    )


def _account(binding: AgentMCPBinding, service: Service, project: ProjectRecord | None) -> AccountEvidence:
    """The account by the last listing; before the first one, what the status remembers of an earlier one."""
    user = binding.spec.user
    if project is not None and project.listing is not None:
        accounts = [each for each in project.listing.accounts.get(user, ()) if each.app == service.app]
        return AccountEvidence(chosen(accounts, service.account_id), project.listing.checked_at(user))
    for told in binding.status.services:
        if (told.name, told.app) == (service.name, service.app):
            return AccountEvidence(told.account)
    return UNKNOWN


def _blocked(
    world: World, record: BindingRecord, services: tuple[Service, ...], project: ProjectRecord | None
) -> Blocked | None:
    binding = record.binding
    spec = binding.spec
    if record.invalid:
        return Blocked(Reason.INVALID_SPEC, f"spec cannot be used: {record.invalid}; correct the binding")
    if spec.paused:
        return Blocked(Reason.PAUSED, "serving is paused by spec.paused; set it to false to go on")
    older = _older(world, binding)
    if older is not None:
        return Blocked(Reason.CONFLICT, _conflict(older, spec))
    if not services:
        return Blocked(
            Reason.PROFILE_NOT_FOUND,
            f"spec.services is empty and there is no profile {spec.agent}; "
            "name services, or add the profile to the chart",
        )
    if project is None:
        return Blocked(
            Reason.PROJECT_NOT_FOUND,
            f"there is no PipedreamProject {spec.project_ref} in this namespace; create it",
        )
    if project.invalid:
        return Blocked(
            Reason.PROJECT_NOT_FOUND, f"PipedreamProject {spec.project_ref} is invalid: {project.invalid}"
        )
    return None


def _conflict(older: AgentMCPBinding, spec: BindingSpec) -> str:
    name = older.metadata.name
    if older.spec.paused:
        return (
            f"binding {name} is older and, though paused, stands for {spec.agent} acting for {spec.user}; "
            f"delete one of the two, or let {name} serve"
        )
    return f"binding {name} is older and serves {spec.agent} for {spec.user}; delete one of the two"


def _older(world: World, binding: AgentMCPBinding) -> AgentMCPBinding | None:
    """The binding that stands for this agent and user in place of this one; paused or not, as in runtimes."""
    meta, spec = binding.metadata, binding.spec
    rivals = [
        record.binding
        for record in map(world.bindings.get, world.of_pair[meta.namespace, spec.agent, spec.user])
        if record is not None and not record.invalid and record.binding.metadata.deletion_timestamp is None
    ]
    rivals.sort(key=_age)
    return rivals[0] if rivals and rivals[0].metadata.name != meta.name else None


def _age(binding: AgentMCPBinding) -> tuple[bool, datetime | None, str]:
    created = binding.metadata.creation_timestamp
    return created is None, created, binding.metadata.name
