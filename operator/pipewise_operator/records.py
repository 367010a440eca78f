"""What the operator remembers of each object beyond the object itself."""

from dataclasses import dataclass, field
from datetime import datetime

from pipewise_crds import AgentMCPBinding, BindingStatus, ConditionType, PipedreamProject, Verdict

from .judge.accounts import Account
from .judge.conditions import find
from .judge.evidence import ProjectEvidence
from .judge.project import ProjectFacts
from .judge.runtimes import Registration


@dataclass(slots=True)
class BindingRecord:
    """A binding, and since when its present generation is known."""

    binding: AgentMCPBinding
    invalid: str | None
    taken_up_after: int
    """The resourceVersion a runtime's syncedThrough must reach; 0: a runtime has taken it up."""
    generation_seen_at: datetime
    told: BindingStatus | None = None
    """The status we last wrote: seeing it come back is no news."""
    told_at: datetime | None = None
    """When we last wrote one."""
    last_told: str = Verdict.UNKNOWN
    """Ready's last reason that was not Unknown."""

    def tell(self, status: BindingStatus, now: datetime) -> None:
        """Remember a status that is about to be written, unless the binding says so already."""
        self.told = status
        if status != self.binding.status:
            self.told_at = now

    @property
    def version(self) -> int:
        """The resourceVersion we last saw."""
        return int(self.binding.metadata.resource_version)


@dataclass(slots=True)
class RuntimeRecord:
    """A runtime, and whether it was ready when last looked at."""

    registration: Registration
    ready: bool = False


@dataclass(slots=True)
class Listing:
    """The connected accounts by user, and when each was asked for."""

    accounts: dict[str, tuple[Account, ...]]
    listed_at: datetime
    rechecked_at: dict[str, datetime] = field(default_factory=dict)

    def checked_at(self, user: str) -> datetime:
        """When Pipedream was last asked about this user."""
        return self.rechecked_at.get(user, self.listed_at)


@dataclass(slots=True)
class ProjectRecord:
    """A project, and what its keeper has met so far."""

    project: PipedreamProject
    invalid: str | None
    facts: ProjectFacts = field(default_factory=ProjectFacts)
    listing: Listing | None = None
    tried: bool = False
    """Whether token and accounts were asked for once, whatever came of it: before, nothing is judged."""
    evidence: ProjectEvidence | None = None
    """What its bindings were last judged by."""


def taken_up_by_status(binding: AgentMCPBinding) -> bool:
    """Whether an earlier judgement saw a ready runtime work by the binding's present generation."""
    condition = find(binding.status.conditions, ConditionType.RUNTIME_AVAILABLE)
    generation = binding.metadata.generation
    return (
        condition is not None and condition.status == "True" and condition.observed_generation == generation
    )
