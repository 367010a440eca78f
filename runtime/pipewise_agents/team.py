"""The three agents, each with exactly its services and tools, and the handoffs between them."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents import Agent, Model, Tool

from .connections import Connections
from .context import AgentContext
from .instructions import instructions_for
from .lead_tools import create_lead_in_database, get_leads_to_contact, update_lead_qualification
from .roles import COORDINATOR, LEAD_ADMINISTRATOR, MEETING_SCHEDULER, ROLES

_LOCAL_TOOLS: Mapping[str, list[Tool]] = {
    COORDINATOR: [],
    MEETING_SCHEDULER: [get_leads_to_contact],
    LEAD_ADMINISTRATOR: [create_lead_in_database, update_lead_qualification],
}


@dataclass(frozen=True, slots=True)
class Team:
    """The agents of one conversation; the coordinator hears the user first."""

    coordinator: Agent[AgentContext]
    meeting_scheduler: Agent[AgentContext]
    lead_administrator: Agent[AgentContext]


def team(model: str | Model | None, connections: Connections) -> Team:
    """The three agents on these connections.

    The coordinator hands over to either of the others, and both hand back to the coordinator.

    Args:
        model: What thinks for all three; None leaves the choice to the Agents SDK.
        connections: The agents' MCP servers, already connected.
    """
    coordinator, scheduler, administrator = (
        _agent(name, model, connections) for name in (COORDINATOR, MEETING_SCHEDULER, LEAD_ADMINISTRATOR)
    )
    coordinator.handoffs = [administrator, scheduler]
    scheduler.handoffs = [coordinator]
    administrator.handoffs = [coordinator]
    return Team(coordinator, scheduler, administrator)


def _agent(name: str, model: str | Model | None, connections: Connections) -> Agent[AgentContext]:
    role = ROLES[name]
    return Agent[AgentContext](
        name=role.title,
        handoff_description=role.purpose,
        instructions=instructions_for(role, connected=name not in connections.unavailable),
        model=model,
        tools=list(_LOCAL_TOOLS[name]),
        mcp_servers=list(connections.servers.get(name, [])),
    )
