"""Leads kept in the product's Supabase database, table `leads`. One of the two stores behind `leads`."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
from postgrest import APIError, AsyncFilterRequestBuilder, AsyncSelectRequestBuilder
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from .leads import Lead, LeadStatus, LeadStore, LeadStoreError, NewLead
from .memory_leads import MemoryLeads

_COLUMNS = tuple(Lead.__dataclass_fields__)
_CHANGE_ATTEMPTS = 5
_TIMEOUT_SECONDS = 10.0
_SQLSTATE_LENGTH = 5


class _Row(BaseModel):
    """A row of `leads` as PostgREST gives it; most columns may be null."""

    id: str
    user_id: str
    name: str
    email: str
    company: str | None
    phone: str | None
    source: str | None
    status: LeadStatus
    qualified: bool | None
    updated_at: AwareDatetime | None
    metadata: dict[str, Any] | None

    def lead(self) -> Lead:
        return Lead(
            id=self.id,
            user_id=self.user_id,
            name=self.name,
            email=self.email,
            company=self.company or "",
            phone=self.phone or "",
            source=self.source or "",
            status=self.status,
            qualified=bool(self.qualified),
            updated_at=self.updated_at,
            metadata=self.metadata or {},
        )


_ROWS = TypeAdapter(list[_Row])
_Query = AsyncFilterRequestBuilder | AsyncSelectRequestBuilder


class SupabaseLeads:
    """Keeps leads in Supabase; every request names the user, whatever the key's own rights are."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def add(self, user_id: str, new: NewLead, at: datetime) -> Lead:
        """Keep a new lead of the user.

        Raises:
            LeadStoreError: the database refused, or did not answer.
        """
        row = {
            "user_id": user_id,
            "name": new.name,
            "email": new.email,
            "company": new.company,
            "phone": new.phone,
            "source": new.source,
            "status": "new",
            "qualified": False,
            "metadata": {},
            "updated_at": at.isoformat(),
        }
        [lead] = await _rows(self._client.table("leads").insert(row))
        return lead

    async def find(self, user_id: str, key: str) -> Lead | None:
        """The user's lead with this id or address; the newest of several.

        Raises:
            LeadStoreError: the database refused, or did not answer.
        """
        column = "email" if "@" in key else "id"
        if column == "id" and not _is_uuid(key):
            return None
        query = self._select(user_id).eq(column, key).order("created_at", desc=True).limit(1)
        return next(iter(await _rows(query)), None)

    async def change(self, user_id: str, key: str, change: Callable[[Lead], Lead]) -> Lead | None:
        """Apply a change; begun anew when the row was written meanwhile, so that neither write is lost.

        Raises:
            LeadStoreError: the database refused, did not answer, or the row never stood still.
        """
        for _ in range(_CHANGE_ATTEMPTS):
            seen = await self.find(user_id, key)
            if seen is None:
                return None
            changed = change(seen)
            query = (
                self._client.table("leads").update(_changes(changed)).eq("id", seen.id).eq("user_id", user_id)
            )
            if seen.updated_at is None:
                query = query.is_("updated_at", "null")
            else:
                query = query.eq("updated_at", seen.updated_at.isoformat())
            if written := await _rows(query):
                return written[0]
        raise LeadStoreError("the lead is being changed by others all the time: try again", unknown=False)

    async def with_status(self, user_id: str, status: LeadStatus, limit: int) -> Sequence[Lead]:
        """The user's leads in a status, the oldest first.

        Raises:
            LeadStoreError: the database refused, or did not answer.
        """
        return await _rows(self._select(user_id).eq("status", status).order("created_at").limit(limit))

    def _select(self, user_id: str) -> AsyncSelectRequestBuilder:
        return self._client.table("leads").select(*_COLUMNS).eq("user_id", user_id)


@asynccontextmanager
async def lead_store(environment: Mapping[str, str]) -> AsyncIterator[LeadStore]:
    """The store for this process: Supabase where SUPABASE_URL and SUPABASE_KEY say, else its memory.

    Raises:
        ValueError: SUPABASE_URL is set, but SUPABASE_KEY is not.
    """
    url, key = environment.get("SUPABASE_URL"), environment.get("SUPABASE_KEY")
    if not url:
        yield MemoryLeads()
        return
    if not key:
        raise ValueError(
            "SUPABASE_URL is set, but not SUPABASE_KEY: set both, or none to keep leads in memory"
        )
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
        # Without its own retries: with them a reader hears after seven seconds that the database is down.
        options = AsyncClientOptions(
            httpx_client=client, postgrest_client_retry=False, auto_refresh_token=False, persist_session=False
        )
        yield SupabaseLeads(await acreate_client(url, key, options))


async def _rows(query: _Query) -> list[Lead]:
    try:
        answer = await query.execute()
        return [row.lead() for row in _ROWS.validate_python(answer.data)]
    except APIError as error:
        raise LeadStoreError("the lead database refused", unknown=not _is_refusal(error)) from error
    except ValidationError as error:
        raise LeadStoreError("the lead database answered with rows of another shape", unknown=True) from error
    except httpx.HTTPError as error:
        never_sent = isinstance(error, httpx.ConnectError)
        raise LeadStoreError("the lead database does not answer", unknown=not never_sent) from error


def _is_refusal(error: APIError) -> bool:
    """Whether the database itself answered (PGRST... or an SQLSTATE), not something on the way to it."""
    code = error.code or ""
    return code.startswith("PGRST") or len(code) == _SQLSTATE_LENGTH


def _changes(lead: Lead) -> dict[str, Any]:
    return {
        "status": lead.status,
        "qualified": lead.qualified,
        "metadata": dict(lead.metadata),
        "updated_at": lead.updated_at.isoformat() if lead.updated_at else None,
    }


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
