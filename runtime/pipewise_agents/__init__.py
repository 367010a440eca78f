"""The agents' side of PipeWise, on the OpenAI Agents SDK: MCP servers, accounts, agents, conversations."""

from .accounts import AccountsUnavailableError, ConnectLink, ConnectLinkUnavailableError, McpCredentials
from .connections import Connections, connected_servers
from .context import AgentContext
from .conversation import run_conversation
from .demo_script import DEMO
from .leads import LeadStore, LeadStoreError
from .oauth_integration_manager import OAuthIntegrationManager, oauth_integration_manager
from .pipedream_mcp import McpConfig, create_mcp_servers_for_user
from .scripted_model import HandOff, Report, Say, Script, Use
from .team import Team, team
from .transcript import Answered, Asked, Called, Event, HandedOver, Said, Transcript, Unavailable
from .transcript_text import lines_of

__all__ = [
    "DEMO",
    "AccountsUnavailableError",
    "AgentContext",
    "Answered",
    "Asked",
    "Called",
    "ConnectLink",
    "ConnectLinkUnavailableError",
    "Connections",
    "Event",
    "HandOff",
    "HandedOver",
    "LeadStore",
    "LeadStoreError",
    "McpConfig",
    "McpCredentials",
    "OAuthIntegrationManager",
    "Report",
    "Said",
    "Say",
    "Script",
    "Team",
    "Transcript",
    "Unavailable",
    "Use",
    "connected_servers",
    "create_mcp_servers_for_user",
    "lines_of",
    "oauth_integration_manager",
    "run_conversation",
    "team",
]
