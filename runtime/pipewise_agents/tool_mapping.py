"""Which MCP tools took the place of which local functions. `instructions` tells it to the agents.

Tool and argument names are Pipedream's component keys and props; a test holds them against the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .roles import LEAD_ADMINISTRATOR, MEETING_SCHEDULER


@dataclass(frozen=True, slots=True)
class Replacement:
    """One MCP tool that does what a local function did."""

    tool: str
    arguments: Mapping[str, str]
    """Argument of the tool → the local function's parameter it carries, or a word of what belongs there."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A local function that is gone, the agent that has its task now, and what that agent uses."""

    function: str
    agent: str
    purpose: str
    tools: tuple[Replacement, ...]


REPLACED: tuple[Replaced, ...] = (
    Replaced(
        function="mark_lead_as_contacted",
        agent=LEAD_ADMINISTRATOR,
        purpose="record in the CRM that a lead was contacted",
        tools=(
            Replacement(
                "pipedrive-add-activity",
                {"subject": "contact_details", "type": "contact_method", "leadId": "lead_id"},
            ),
            Replacement(
                "salesforce_rest_api-update-crm-record",
                {
                    "objectType": "Lead",
                    "recordId": "lead_id",
                    "properties": "contact_method, contact_details",
                },
            ),
            Replacement("zoho_crm-upsert-records", {"module": "Leads", "data": "lead_id, contact_details"}),
        ),
    ),
    Replaced(
        function="schedule_meeting_for_lead",
        agent=MEETING_SCHEDULER,
        purpose="arrange a meeting with a lead",
        tools=(
            Replacement(
                "google_calendar-quick-add-event",
                {"text": "event_type, date and time", "attendees": "lead_id"},
            ),
            Replacement("calendly_v2-create-scheduling-link", {"owner": "event_type", "maxEventCount": "1"}),
        ),
    ),
)
"""All of them. The other local functions work on Supabase and stay: see `lead_tools`."""


def replacements_of(agent: str) -> tuple[Replaced, ...]:
    """The functions whose task an agent now does with MCP tools."""
    return tuple(replaced for replaced in REPLACED if replaced.agent == agent)
