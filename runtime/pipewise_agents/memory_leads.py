"""Leads kept in this process, for a conversation without a database. One of the two stores behind `leads`."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from .leads import Lead, LeadStatus, NewLead


class MemoryLeads:
    """Keeps leads until the process ends; in the order of their coming."""

    def __init__(self) -> None:
        self._leads: dict[str, Lead] = {}

    async def add(self, user_id: str, new: NewLead, at: datetime) -> Lead:
        """Keep a new lead of the user."""
        lead = Lead(
            id=str(uuid.uuid4()),
            user_id=user_id,
            name=new.name,
            email=new.email,
            company=new.company,
            phone=new.phone,
            source=new.source,
            status="new",
            qualified=False,
            updated_at=at,
        )
        self._leads[lead.id] = lead
        return lead

    async def find(self, user_id: str, key: str) -> Lead | None:
        """The user's lead with this id or address; the newest of several."""
        mine = [lead for lead in self._leads.values() if lead.user_id == user_id]
        return next((lead for lead in reversed(mine) if key in (lead.id, lead.email)), None)

    async def change(self, user_id: str, key: str, change: Callable[[Lead], Lead]) -> Lead | None:
        """Apply a change; None when there is no such lead."""
        lead = await self.find(user_id, key)
        if lead is None:
            return None
        self._leads[lead.id] = change(lead)
        return self._leads[lead.id]

    async def with_status(self, user_id: str, status: LeadStatus, limit: int) -> Sequence[Lead]:
        """The user's leads in a status, the oldest first."""
        mine = [lead for lead in self._leads.values() if lead.user_id == user_id and lead.status == status]
        return mine[:limit]
