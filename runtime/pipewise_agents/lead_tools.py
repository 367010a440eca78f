"""The local function tools that stay: leads in the product's own database. Given to agents by `team`.

What marked leads as contacted and booked meetings is gone; `tool_mapping` says which MCP tools took over.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from agents import RunContextWrapper, function_tool
from pydantic import Field

from .context import AgentContext, note_failure
from .failures import NOT_DONE, UNKNOWN, tool_failure, unreachable
from .leads import Lead, LeadStatus, LeadStoreError, NewLead, Qualification, with_qualification

_Context = RunContextWrapper[AgentContext]


def lead_tool_failure(context: RunContextWrapper[Any], error: Exception) -> str:
    """Tell a model why the lead database did not do its part."""
    if not isinstance(error, LeadStoreError):
        return tool_failure(context, error)
    sentence = f"{unreachable('Supabase')}: {error}. {UNKNOWN if error.unknown else NOT_DONE}"
    note_failure(context, sentence)
    return sentence


@function_tool(failure_error_function=lead_tool_failure)
async def create_lead_in_database(  # noqa: PLR0913, PLR0917 - a lead's fields are the tool's arguments
    context: _Context,
    name: str,
    email: str,
    company: str = "",
    phone: str = "",
    source: str = "agent_processing",
) -> str:
    """Keep a prospect as a lead in the product's database; a prospect already kept is returned as it is.

    Args:
        context: The conversation.
        name: The prospect's full name.
        email: The prospect's e-mail address.
        company: The prospect's company.
        phone: The prospect's phone number.
        source: Where the prospect comes from.
    """
    holder = context.context
    known = await holder.leads.find(holder.user_id, email)
    if known is not None:
        return _told(known, created=False)
    new = NewLead(name, email, company, phone, source)
    return _told(await holder.leads.add(holder.user_id, new, datetime.now(UTC)), created=True)


@function_tool(failure_error_function=lead_tool_failure)
async def update_lead_qualification(
    context: _Context,
    lead_id: str,
    qualified: bool,  # noqa: FBT001 - a tool's arguments have names, always
    reason: str,
    score: Annotated[float, Field(ge=0, le=100)] = 0.0,
) -> str:
    """Note whether a lead is worth pursuing, and why.

    Args:
        context: The conversation.
        lead_id: The lead's id or e-mail address.
        qualified: Whether it is worth pursuing.
        reason: Why, in one sentence.
        score: How much, from 0 to 100.
    """
    holder = context.context
    judged = Qualification(qualified, reason, score, datetime.now(UTC))
    lead = await holder.leads.change(holder.user_id, lead_id, lambda lead: with_qualification(lead, judged))
    return f"There is no lead {lead_id}." if lead is None else _told(lead)


@function_tool(failure_error_function=lead_tool_failure)
async def get_leads_to_contact(
    context: _Context, status: LeadStatus = "qualified", limit: Annotated[int, Field(ge=1, le=100)] = 10
) -> str:
    """List the leads in a status, the oldest first.

    Args:
        context: The conversation.
        status: The status they are in.
        limit: How many at most.
    """
    holder = context.context
    leads = await holder.leads.with_status(holder.user_id, status, limit)
    return json.dumps([_shown(lead) for lead in leads], ensure_ascii=False)


def _told(lead: Lead, **more: bool) -> str:
    return json.dumps({**_shown(lead), **more}, ensure_ascii=False)


def _shown(lead: Lead) -> dict[str, Any]:
    """What a model needs to know of a lead."""
    return {
        "id": lead.id,
        "name": lead.name,
        "email": lead.email,
        "company": lead.company,
        "phone": lead.phone,
        "status": lead.status,
        "qualified": lead.qualified,
        "metadata": dict(lead.metadata),
    }
