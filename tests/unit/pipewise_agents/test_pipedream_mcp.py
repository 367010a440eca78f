"""Where agents reach their services, and how."""

from urllib.parse import unquote, urlsplit

import pytest
from agents.mcp import MCPServerSse, MCPServerStreamableHttp
from hypothesis import given
from hypothesis import strategies as st

from pipewise_agents import McpConfig, create_mcp_servers_for_user


def test_a_sidecar_is_the_default() -> None:
    [server] = create_mcp_servers_for_user("user-42", "coordinator")
    assert isinstance(server, MCPServerStreamableHttp)
    assert server.name == "pipewise-coordinator"
    assert server.params["url"] == "http://127.0.0.1:8720/agents/coordinator/users/user-42/mcp"


@pytest.mark.parametrize(
    ("transport", "kind"), [("streamable-http", MCPServerStreamableHttp), ("sse", MCPServerSse)]
)
def test_no_transport_gives_up_before_the_runtime_or_repeats_a_call(
    transport: str, kind: type[MCPServerStreamableHttp | MCPServerSse]
) -> None:
    config = McpConfig.from_environment({"PIPEWISE_MCP_TRANSPORT": transport})
    [server] = create_mcp_servers_for_user("user-42", "coordinator", config)
    assert isinstance(server, kind)
    assert server.client_session_timeout_seconds is not None
    assert server.client_session_timeout_seconds > 30
    assert server.params["timeout"] > 30
    assert server.params["sse_read_timeout"] > 30
    assert server.max_retry_attempts == 0
    assert server.cache_tools_list


def test_the_environment_says_how_to_reach_the_runtime() -> None:
    config = McpConfig.from_environment(
        {
            "PIPEWISE_MCP_URL": "http://runtime:1/",
            "PIPEWISE_MCP_TIMEOUT_SECONDS": "600",
            "PIPEWISE_MCP_TOKEN_FILE": "/var/run/token",
        }
    )
    assert config.endpoint("a", "u") == "http://runtime:1/agents/a/users/u/mcp"
    assert config.timeout_seconds == 600
    assert str(config.token_file) == "/var/run/token"


@pytest.mark.parametrize("seconds", ["29.9", "inf", "nan", "soon", "-1"])
def test_a_timeout_that_ends_before_the_runtimes_answer_is_refused(seconds: str) -> None:
    with pytest.raises(ValueError, match=r"PIPEWISE_MCP_TIMEOUT_SECONDS\)? is .* at least 30"):
        McpConfig.from_environment({"PIPEWISE_MCP_TIMEOUT_SECONDS": seconds})


def test_it_is_refused_in_code_too() -> None:
    with pytest.raises(ValueError, match=r"timeout_seconds .* is 5: set it to at least 30"):
        McpConfig(timeout_seconds=5)


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ValueError, match="PIPEWISE_MCP_TRANSPORT is 'pigeon'"):
        McpConfig.from_environment({"PIPEWISE_MCP_TRANSPORT": "pigeon"})


@pytest.mark.parametrize("user", ["", "a b", "a/b", "a\n", "x" * 251])
def test_a_user_id_that_cannot_be_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match="the user id must have 1 to 250 characters"):
        create_mcp_servers_for_user(user, "coordinator")


@given(
    st.text(min_size=1, max_size=250).filter(lambda text: "/" not in text and not any(map(str.isspace, text)))
)
def test_any_other_user_id_comes_through_the_address_unchanged(user: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in user):
        return
    path = urlsplit(McpConfig().endpoint("coordinator", user)).path
    assert unquote(path.split("/")[4]) == user
    assert path.count("/") == 5
