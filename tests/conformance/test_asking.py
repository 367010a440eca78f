"""Services that ask the caller something while its call runs, across the eras of MCP."""

from typing import Literal

import pytest
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp_types import ElicitResult

from support.mcp_through import runtime_before
from support.mcp_upstream import serving_mcp
from support.serving import url_of

ELICITING = "test_input_required_result_elicitation"


async def accept(_context: object, _params: object) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Ñusta", "username": "Ñusta", "email": "e"})


async def text_of(
    era: Literal["both", "handshake", "modern"],
    mode: Literal["auto", "legacy"],
    tool: str,
    answer: ElicitationFnT | None = None,
) -> str:
    """What a client is told by a tool of an upstream of an era."""
    with serving_mcp(era) as upstream:
        async with (
            runtime_before(upstream.url) as (_, base),
            Client(url_of(base), mode=mode, elicitation_callback=answer) as client,
        ):
            result = await client.call_tool(tool, {"message": "who?"})
    text: str = result.content[0].text
    return text


@pytest.mark.parametrize("era", ["both", "handshake"])
async def test_a_client_is_asked_while_its_call_runs(era: Literal["both", "handshake"]) -> None:
    assert "Ñusta" in await text_of(era, "legacy", "test_elicitation", answer=accept)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_result_that_asks_for_input_reaches_clients_of_both_eras(
    mode: Literal["auto", "legacy"],
) -> None:
    assert "Ñusta" in await text_of("modern", mode, ELICITING, answer=accept)


async def test_the_state_of_several_rounds_is_carried_for_an_older_client() -> None:
    tool = "test_input_required_result_multi_round"
    assert await text_of("modern", "legacy", tool, answer=accept) == "both rounds done"


@pytest.mark.parametrize(
    ("era", "mode", "tool", "said"),
    [
        ("handshake", "legacy", "test_elicitation", "takes no such request"),
        ("modern", "legacy", ELICITING, "takes no such request"),
        ("handshake", "auto", "test_elicitation", "takes no such request"),
    ],
)
async def test_a_client_that_cannot_be_asked_is_refused_for_and_the_call_ends(
    era: Literal["handshake", "modern"], mode: Literal["auto", "legacy"], tool: str, said: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the client wraps it in an ExceptionGroup
        await text_of(era, mode, tool)
    assert said in str(_innermost(caught.value))


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
