"""Where the clients of the interaction suite are let loose: at the upstream itself, or at the runtime."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.mcp_through import runtime_before
from support.mcp_upstream import McpUpstream, serving_mcp
from support.serving import url_of

WAYS = ("direct", "through", "to a handshake upstream", "to a modern upstream")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def upstream(way: str) -> Iterator[McpUpstream]:
    era = "handshake" if "handshake" in way else "modern" if "modern" in way else "both"
    with serving_mcp(era, page=7) as running:  # type: ignore[arg-type]  # one of the three it takes
        yield running


@pytest.fixture
async def url(way: str, upstream: McpUpstream) -> AsyncIterator[str]:
    if way == "direct":
        yield upstream.url
    else:
        async with runtime_before(upstream.url) as (engine, base):
            bound = engine.binding("coordinator", "user-42")
            assert bound
            await engine.tools(bound)
            yield url_of(base)
