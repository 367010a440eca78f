"""A lead and what may happen to it, as pure functions, and the port behind which leads are kept.

`supabase_leads` keeps them in the product's database, `memory_leads` in this process; `lead_tools` is what
agents call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

LeadStatus = Literal["new", "qualified", "contacted", "meeting_scheduled"]


@dataclass(frozen=True, slots=True)
class NewLead:
    """What is known of a prospect at first."""

    name: str
    email: str
    company: str = ""
    phone: str = ""
    source: str = "agent_processing"


@dataclass(frozen=True, slots=True)
class Lead:
    """A prospect of one user."""

    id: str
    user_id: str
    name: str
    email: str
    company: str
    phone: str
    source: str
    status: LeadStatus
    qualified: bool
    updated_at: datetime | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Qualification:
    """A judgement whether a lead is worth pursuing."""

    qualified: bool
    reason: str
    score: float
    at: datetime


def with_qualification(lead: Lead, judged: Qualification) -> Lead:
    """The lead so judged; what else its metadata says stays."""
    learnt = {
        "qualification_reason": judged.reason,
        "qualification_score": judged.score,
        "qualified_at": judged.at.isoformat(),
    }
    return replace(
        lead,
        qualified=judged.qualified,
        status="qualified" if judged.qualified else "new",
        metadata={**lead.metadata, **learnt},
        updated_at=judged.at,
    )


class LeadStoreError(Exception):
    """The store did not do what it was asked.

    Attributes:
        unknown: It may have done it all the same; the answer was lost.
    """

    def __init__(self, message: str, *, unknown: bool) -> None:
        super().__init__(message)
        self.unknown = unknown


class LeadStore(Protocol):
    """Keeps the leads of all users apart. Every method raises LeadStoreError when the store fails."""

    async def add(self, user_id: str, new: NewLead, at: datetime) -> Lead:
        """Keep a new lead of the user."""

    async def find(self, user_id: str, key: str) -> Lead | None:
        """The user's lead with this id, or with this address if the key has an @; the newest of several."""

    async def change(self, user_id: str, key: str, change: Callable[[Lead], Lead]) -> Lead | None:
        """Apply a change to what the lead then is, losing no other change; None if there is no such lead."""

    async def with_status(self, user_id: str, status: LeadStatus, limit: int) -> Sequence[Lead]:
        """The user's leads in a status, the oldest first."""
