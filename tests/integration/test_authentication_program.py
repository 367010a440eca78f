"""The runtime as a program that demands tokens; and streams that end with the right to them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx2
import pytest

from pipewise_runtime.permitting import AUDIENCE
from support.cluster import Namespace
from support.eventually import eventually
from support.guarded import Door, door_to, grant
from support.memory_calls import MemoryCalls
from support.memory_reviews import ACCOUNT, MemoryReviews, Time, token_of
from support.programs import MEASURED, Program
from support.runtimes import binding_manifest, project_manifest
from support.serving import PATH, rpc

TOKEN = token_of(expires_at=Time().began + 3600)
LISTEN = rpc(
    "subscriptions/listen",
    {
        "notifications": {"toolsListChanged": True},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
)
ARGUMENTS = [
    "--listen",
    "127.0.0.1:0",
    "--metrics",
    "127.0.0.1:0",
    "--placement",
    "Managed",
    "--authenticate",
]


@pytest.fixture
def reviews() -> MemoryReviews:
    return MemoryReviews({TOKEN: ACCOUNT}, {(ACCOUNT.name, "coordinator-user-42")})


@pytest.fixture
async def door(reviews: MemoryReviews) -> AsyncIterator[Door]:
    calls = MemoryCalls(("coordinator", "user-42"))
    async with door_to(calls, reviews, Time(), "sales", recheck_seconds=0.02) as door:
        yield door


@pytest.mark.parametrize("era", ["initialize", "2026-07-28"])
async def test_a_stream_ends_when_its_right_does(door: Door, reviews: MemoryReviews, era: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=door.url, headers=headers, timeout=5) as http:
        if era == "initialize":
            await _ends_with_its_right(http.stream("GET", PATH), door, reviews)
        else:
            modern = {"mcp-protocol-version": era, "mcp-method": "subscriptions/listen"}
            await _ends_with_its_right(http.stream("POST", PATH, json=LISTEN, headers=modern), door, reviews)


async def _ends_with_its_right(
    opening: AbstractAsyncContextManager[httpx2.Response], door: Door, reviews: MemoryReviews
) -> None:
    async with opening as stream:
        assert stream.status_code == 200
        reading = asyncio.create_task(_read(stream))
        door.time.passed = 61
        await eventually(lambda: reviews.asked[TOKEN] == 2)
        assert not reading.done()
        reviews.rights.clear()
        door.time.passed = 122
        async with asyncio.timeout(5):
            await reading


@pytest.mark.parametrize("header", [{}, {"mcp-method": "tools/list"}])
async def test_calls_are_not_looked_at_again_while_they_run(
    door: Door, reviews: MemoryReviews, header: dict[str, str]
) -> None:
    async with httpx2.AsyncClient(base_url=door.url, timeout=5) as http:
        authorization = {"Authorization": f"bearer {TOKEN}"}
        reply = await http.post(PATH, json=rpc("tools/list"), headers={**authorization, **header})
    assert reply.json()["result"]["tools"]
    assert reviews.asked == {TOKEN: 1, "": 1, "coordinator-user-42": 1}


async def test_two_tokens_at_once_are_none(door: Door, reviews: MemoryReviews) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")]
    async with httpx2.AsyncClient(base_url=door.url, timeout=5) as http:
        reply = await http.post(PATH, json=rpc("tools/list"), headers=headers)
    assert (reply.status_code, reply.json()["error"]["data"]) == (401, {"reason": "no_token"})
    assert not reviews.asked


async def test_a_binding_that_is_missing_costs_as_many_questions_as_one_that_is_there(
    door: Door, reviews: MemoryReviews
) -> None:
    reviews.rights.clear()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(base_url=door.url, headers=headers, timeout=5) as http:
        for user, name in (("user-42", "coordinator-user-42"), ("nobody", "coordinator/nobody")):
            reply = await http.post(f"/agents/coordinator/users/{user}/mcp", json=rpc("ping"))
            assert reply.status_code == 403
            assert reviews.asked == {TOKEN: 1, "": 1, name: 1}
            reviews.asked.clear()
            door.time.passed += 60


async def test_the_program_serves_those_who_may_and_writes_no_token_into_its_logs(
    namespace: Namespace, tmp_path: Path
) -> None:
    namespace.apply(project_manifest(), binding_manifest("one", placement="Managed", demo="Always"))
    grant(namespace, "one", f"{namespace}:agents")
    good, stranger = (namespace.service_account_token(name, [AUDIENCE]) for name in ("agents", "stranger"))
    where = [
        "--kubeconfig",
        namespace.cluster.kubeconfig,
        "--namespace",
        namespace.name,
        "--name",
        "runtime-1",
    ]
    arguments = [*ARGUMENTS, *where, "--log-level", "debug"]
    with Program("pipewise_runtime", arguments, tmp_path, MEASURED) as program:
        url, metrics = program.url("serving agents"), program.url("metrics")
        await eventually(lambda: _becomes(url, good, 200), within=15)
        assert await _status(url, stranger) == 403
        assert await _status(url, token_of()) == 401
        assert await _status(url, "garbage") == 401
        async with httpx2.AsyncClient() as http:
            series = (await http.get(f"{metrics}/metrics")).text
        assert 'pipewise_runtime_refusals_total{code="401",reason="invalid_token"} 2.0' in series
        assert 'pipewise_runtime_refusals_total{code="503",reason="not_reviewed"} 0.0' in series
    events = [json.loads(line) for line in program.log.splitlines()]
    missing = [event for event in events if event["event"] == "right_missing"]
    assert {"account", "binding", "verb"} <= missing[-1].keys()
    for token in (good, stranger, token_of()):
        assert not [part for part in token.split(".") if part in program.log]


async def _read(stream: httpx2.Response) -> None:
    async for _ in stream.aiter_bytes():
        pass


async def _status(url: str, token: str) -> int:
    async with httpx2.AsyncClient(base_url=url, timeout=10) as http:
        headers = {"Authorization": f"Bearer {token}"}
        return (await http.post(PATH, json=rpc("tools/list"), headers=headers)).status_code


async def _becomes(url: str, token: str, status: int) -> bool:
    return await _status(url, token) == status
