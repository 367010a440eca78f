"""Open agents' MCP servers for a while and close them for certain; one that is down is told, not raised.

Between `pipedream_mcp`, which makes the servers, and `team`, which gives them to the agents.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agents.mcp import MCPServer, MCPServerManager

from .pipedream_mcp import McpConfig, create_mcp_servers_for_user

_CONNECT_TIMEOUT_SECONDS = 30.0
_CLEANUP_TIMEOUT_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connections:
    """The servers that can be used, by agent, and the agents whose server cannot."""

    servers: Mapping[str, list[MCPServer]]
    unavailable: frozenset[str] = frozenset()


@asynccontextmanager
async def connected_servers(
    user_id: str, agents: Iterable[str], config: McpConfig | None = None
) -> AsyncIterator[Connections]:
    """Connect the servers of these agents acting for a user; on the way out, close all of them.

    A server that does not connect, or does not say its tools, is left out: its agent goes on without.
    """
    servers = {agent: create_mcp_servers_for_user(user_id, agent, config) for agent in agents}
    manager = MCPServerManager(
        [server for owned in servers.values() for server in owned],
        connect_timeout_seconds=_CONNECT_TIMEOUT_SECONDS,
        cleanup_timeout_seconds=_CLEANUP_TIMEOUT_SECONDS,
        connect_in_parallel=True,
    )
    async with manager:
        active = manager.active_servers
        listed = await asyncio.gather(*(_says_its_tools(server) for server in active))
        problems = {**manager.errors, **{s: error for s, error in zip(active, listed, strict=True) if error}}
        kept = {agent: [s for s in owned if s not in problems] for agent, owned in servers.items()}
        for server, error in problems.items():
            # Only the kind: messages may quote what was received.
            _log.warning("%s is left out, its tools cannot be had: %s", server.name, type(error).__name__)
        unavailable = frozenset(agent for agent, owned in servers.items() if len(kept[agent]) < len(owned))
        yield Connections(kept, unavailable)


async def _says_its_tools(server: MCPServer) -> Exception | None:
    """List once, which fills the server's cache: a list that fails within a run would end the run."""
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            await server.list_tools()
    except Exception as error:  # noqa: BLE001 - the agent goes on whatever it is; the caller logs it
        return error
    return None
