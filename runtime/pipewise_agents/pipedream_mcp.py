"""Where an agent reaches its MCP services, and how: the one place that says so.

Agents never talk to Pipedream. A PipeWise runtime beside them serves one endpoint per (agent, user) and owns
tokens, retries and breakers; `connections` opens what is made here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from agents.mcp import MCPServer, MCPServerSse, MCPServerStreamableHttp

from pipewise_crds import endpoint_path

from .bearer import BearerFromFile
from .failures import tool_failure
from .outcomes import outcome_of
from .transport import http_client, sse_client

DEFAULT_URL = "http://127.0.0.1:8720"
"""Where a sidecar runtime serves its agents."""

LEAST_TIMEOUT_SECONDS = 30.0
"""A runtime answers within 30 s, retries included; who hangs up earlier never learns what became of it."""

DEFAULT_TIMEOUT_SECONDS = 45.0
"""The runtime's 30 s and what a loaded machine may add."""

LONGEST_USER_ID = 250
"""Pipedream's limit on external user ids."""

_EVENT_STREAM_SILENCE_SECONDS = 300.0

Transport = Literal["streamable-http", "sse"]


@dataclass(frozen=True, slots=True)
class McpConfig:
    """How agents reach their runtime.

    Streamable HTTP survives a restart of the runtime, but the Agents SDK then sends one call at a time on a
    server object; HTTP with SSE sends parallel calls, and stays broken once its stream is cut.

    Raises:
        ValueError: the time-out is shorter than the runtime may take to answer.
    """

    base_url: str = DEFAULT_URL
    transport: Transport = "streamable-http"
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    """How long to wait for one answer; raise it with a binding's own `timeout`."""
    token_file: Path | None = None
    """A mounted ServiceAccount token (audience mcp.pipewise.io), which Managed runtimes ask for."""

    def __post_init__(self) -> None:
        """Refuse a time-out with which the fate of a call could be lost."""
        if not LEAST_TIMEOUT_SECONDS <= self.timeout_seconds < math.inf:
            raise ValueError(
                f"timeout_seconds (PIPEWISE_MCP_TIMEOUT_SECONDS) is {self.timeout_seconds:g}: "
                f"set it to at least {LEAST_TIMEOUT_SECONDS:g}, within which a runtime answers"
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read PIPEWISE_MCP_URL, _TRANSPORT, _TIMEOUT_SECONDS and _TOKEN_FILE; unset ones keep their default.

        Raises:
            ValueError: a variable holds what it cannot mean.
        """
        token_file = environment.get("PIPEWISE_MCP_TOKEN_FILE")
        return cls(
            base_url=environment.get("PIPEWISE_MCP_URL") or DEFAULT_URL,
            transport=_transport(environment.get("PIPEWISE_MCP_TRANSPORT") or "streamable-http"),
            timeout_seconds=_seconds(
                environment.get("PIPEWISE_MCP_TIMEOUT_SECONDS") or DEFAULT_TIMEOUT_SECONDS
            ),
            token_file=Path(token_file) if token_file else None,
        )

    def endpoint(self, agent: str, user_id: str) -> str:
        """The URL at which the runtime serves an agent acting for a user.

        Raises:
            ValueError: Pipedream could not have a user of that id.
        """
        if not user_id or len(user_id) > LONGEST_USER_ID or "/" in user_id or any(map(str.isspace, user_id)):
            raise ValueError(
                f"the user id must have 1 to {LONGEST_USER_ID} characters without spaces or slashes: "
                "give the id under which the user is known at Pipedream"
            )
        return self.base_url.rstrip("/") + endpoint_path(agent, user_id)


def create_mcp_servers_for_user(user_id: str, agent: str, config: McpConfig | None = None) -> list[MCPServer]:
    """The MCP servers of an agent that acts for a user: one, which carries all the services of its binding.

    They are not connected yet: `connections.connected_servers` does that, and cleans up.

    Args:
        user_id: The user's id at Pipedream.
        agent: The agent's name in its AgentMCPBinding, such as coordinator.
        config: How to reach the runtime; the sidecar's address when omitted.

    Raises:
        ValueError: Pipedream could not have a user of that id.
    """
    config = config or McpConfig()
    return [_server(f"pipewise-{agent}", config.endpoint(agent, user_id), config)]


def _server(name: str, url: str, config: McpConfig) -> MCPServer:
    """A server object that never repeats a call: the runtime has already repeated what may be."""
    over_sse = config.transport == "sse"
    kind = MCPServerSse if over_sse else MCPServerStreamableHttp
    return kind(
        {
            "url": url,
            "auth": BearerFromFile(config.token_file) if config.token_file else None,
            "timeout": config.timeout_seconds,
            "sse_read_timeout": _EVENT_STREAM_SILENCE_SECONDS,
            "httpx_client_factory": sse_client if over_sse else http_client,
        },
        name=name,
        cache_tools_list=True,
        client_session_timeout_seconds=config.timeout_seconds,
        max_retry_attempts=0,
        failure_error_function=tool_failure,
        custom_data_extractor=outcome_of,
    )


def _transport(word: str) -> Transport:
    match word:
        case "streamable-http" | "sse":
            return word
        case _:
            raise ValueError(f"PIPEWISE_MCP_TRANSPORT is {word!r}: set it to streamable-http or sse")


def _seconds(given: str | float) -> float:
    try:
        return float(given)
    except ValueError:
        raise ValueError(
            f"PIPEWISE_MCP_TIMEOUT_SECONDS is {given!r}: set it to a number of seconds, "
            f"at least {LEAST_TIMEOUT_SECONDS:g}"
        ) from None
