"""HTTP+SSE, the oldest transport: what a client of either era says and hears on its one stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from pipewise_runtime.server.envelope import NOT_SERVED
from pipewise_runtime.server.sse_line import MOST_ANSWERS
from support.eventually import eventually
from support.memory_calls import MemoryCalls
from support.serving import PATH, call, rpc, served

SSE = PATH.removesuffix("mcp") + "sse"
KEY = "io.modelcontextprotocol/"
META = {KEY + "protocolVersion": "2026-07-28", KEY + "clientCapabilities": {}}
CHANGED = "notifications/tools/list_changed"


@dataclass
class Talk:
    """An open session."""

    http: httpx2.AsyncClient
    path: str
    """Where the client posts."""
    lines: AsyncIterator[str]

    async def say(self, message: Any) -> int:  # noqa: ANN401 - JSON
        """Post a message; the status it is met with."""
        return (await self.http.post(self.path, json=message)).status_code

    async def note(self, method: str, **params: object) -> None:
        """Post a notification."""
        assert await self.say({"jsonrpc": "2.0", "method": method, "params": params}) == 202

    async def heard(self) -> dict[str, Any]:
        """The next message on the stream."""
        message: dict[str, Any] = json.loads(await anext(self.lines))
        return message

    async def asked(self, message: dict[str, Any]) -> dict[str, Any]:
        """Post a request; what is heard next."""
        assert await self.say(message) == 202
        return await self.heard()


@asynccontextmanager
async def talking(http: httpx2.AsyncClient) -> AsyncIterator[Talk]:
    async with asyncio.timeout(10), http.stream("GET", SSE) as stream:
        lines = (
            line.removeprefix("data: ") async for line in stream.aiter_lines() if line.startswith("data: ")
        )
        yield Talk(http, await anext(lines), lines)


def modern(method: str, params: dict[str, Any] | None = None, **meta: object) -> dict[str, Any]:
    """A request of 2026-07-28."""
    return rpc(
        method, {"_meta": {**META, **{KEY + name: value for name, value in meta.items()}}, **(params or {})}
    )


async def test_a_session_ends_with_its_stream(http: httpx2.AsyncClient, calls: MemoryCalls) -> None:
    async with talking(http) as talk:
        assert (await talk.asked(rpc("ping", id="p")))["id"] == "p"
        malformed = await http.post(talk.path, content=b"{", headers={"Content-Type": "application/json"})
        assert malformed.status_code == 400
        assert await talk.say(call("hang", id=7)) == 202
        await calls.started.wait()
    await eventually(calls.cancelled.is_set)
    assert await talk.say(rpc("ping")) == 404


async def test_when_the_program_stops_calls_are_answered_before_their_stream_ends(calls: MemoryCalls) -> None:
    async with AsyncExitStack() as running, httpx2.AsyncClient(timeout=10) as http:
        http.base_url = await running.enter_async_context(served(calls, drain_seconds=10))
        async with talking(http) as talk, talking(http) as silent:
            assert await talk.say(call("wait", id=7)) == 202
            listened = await talk.asked({**modern("subscriptions/listen"), "id": "sub"})
            assert listened["method"] == "notifications/subscriptions/acknowledged"
            await calls.started.wait()
            stopping = asyncio.create_task(running.aclose())
            assert [line async for line in silent.lines] == []
            over = await talk.heard()
            assert (over["id"], over["result"]["resultType"]) == ("sub", "complete")
            assert not calls.cancelled.is_set()
            assert await talk.say(rpc("ping")) == 503
            calls.may_finish.set()
            assert (await talk.heard())["result"]["content"][0]["text"] == "waited"
            assert [line async for line in talk.lines] == []
            await stopping


async def test_an_unserved_user_gets_no_stream(http: httpx2.AsyncClient) -> None:
    reply = await http.get("/agents/coordinator/users/nobody/sse")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, NOT_SERVED)
    assert "kubectl get amb" in reply.json()["error"]["message"]


async def test_a_session_takes_no_messages_of_another_user(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        path = talk.path.replace("user-42", "ana%40example.com")
        assert (await http.post(path, json=rpc("ping"))).status_code == 404


async def test_each_message_of_a_batch_is_answered_on_its_own(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        assert (
            await talk.say([rpc("ping", id=1), rpc("tools/list", id=2), call("echo", id=3, text="hi")]) == 202
        )
        assert {(await talk.heard())["id"] for _ in range(3)} == {1, 2, 3}


async def test_a_fault_is_told_by_its_code(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        assert (await talk.asked(rpc("resources/list")))["error"]["code"] == -32601
        assert (await talk.asked(call("fault")))["error"]["code"] == -32099


async def test_a_cancelled_call_gets_no_answer_and_its_id_is_free_again(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    async with talking(http) as talk:
        assert await talk.say(call("hang", id=7)) == 202
        await calls.started.wait()
        assert (await talk.asked(call("echo", id=7)))["error"]["code"] == -32600
        for request in ({}, {"requestId": 8}, {"requestId": 7}):
            await talk.note("notifications/cancelled", **request)
        await calls.cancelled.wait()
        assert "result" in await talk.asked(call("echo", id=7))


async def test_a_client_is_told_of_changes_once_it_is_initialized(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    async with talking(http) as talk:
        calls.change()
        for method in ("notifications/initialized", "notifications/initialized", "notifications/progress"):
            await talk.note(method)
        calls.change()
        assert (await talk.heard())["method"] == CHANGED
        assert (await talk.asked(rpc("ping", id="next")))["id"] == "next"
    await eventually(lambda: not calls.watchers)


async def test_a_client_that_leaves_too_much_unread_loses_its_session(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        size = MOST_ANSWERS // 4
        statuses = [await talk.say(call("echo", id=id_, text="x", times=size)) for id_ in range(12)]
        assert statuses[:4] == [202] * 4
        told = [line async for line in talk.lines]
        assert 4 <= len(told) < 12
        assert await talk.say(rpc("ping")) == 404


@pytest.mark.parametrize(
    ("capabilities", "answer"),
    [
        ({"elicitation": {}}, '{"name":"Ana"}'),
        ({"sampling": {}}, "takes no such request"),
        ({}, "takes no such request"),
    ],
)
async def test_a_client_that_says_it_can_be_asked_is_asked(
    http: httpx2.AsyncClient, capabilities: dict[str, Any], answer: str
) -> None:
    async with talking(http) as talk:
        params = {"protocolVersion": "2024-11-05", "capabilities": capabilities}
        await talk.asked(rpc("initialize", params))
        heard = await talk.asked(call("ask", id=2))
        if "elicitation" in capabilities:
            assert (heard["method"], heard["params"]) == ("elicitation/create", {"message": "who?"})
            assert await talk.say({"jsonrpc": "2.0", "id": "of nobody's", "result": {}}) == 202
            answered = {"jsonrpc": "2.0", "id": heard["id"], "result": {"name": "Ana"}}
            assert await talk.say([answered, answered]) == 202
            heard = await talk.heard()
        assert answer in heard["result"]["content"][0]["text"]


async def test_a_binding_that_is_gone_is_told_to_whoever_still_asks(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    async with talking(http) as talk:
        calls.drop("coordinator", "user-42")
        assert "kubectl get amb" in (await talk.asked(rpc("ping")))["error"]["message"]


async def test_a_client_of_2026_07_28_is_answered_completely(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        assert "2026-07-28" in (await talk.asked(modern("server/discover")))["result"]["supportedVersions"]
        echo = await talk.asked(modern("tools/call", {"name": "echo", "arguments": {"text": "hi"}}))
        assert (echo["result"]["resultType"], echo["result"]["content"][0]["text"]) == ("complete", "hi")
        assert (await talk.asked(modern("server/discover", protocolVersion="2027-01-01")))["error"][
            "code"
        ] == -32022
        assert (await talk.asked(modern("tools/list", clientCapabilities=7)))["error"]["code"] == -32602


async def test_a_client_of_2026_07_28_hears_logs_only_if_it_asked_for_them(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        assert "result" in await talk.asked(modern("tools/call", {"name": "log"}))
        progress = await talk.asked(modern("tools/call", {"name": "progress"}))
        assert progress["method"] == "notifications/progress"
        while "result" not in await talk.heard():
            pass
        logged = await talk.asked(modern("tools/call", {"name": "log"}, logLevel="info"))
        assert logged["method"] == "notifications/message"


async def test_a_client_hears_log_messages_of_the_level_it_chose(http: httpx2.AsyncClient) -> None:
    async with talking(http) as talk:
        assert (await talk.asked(call("log")))["method"] == "notifications/message"
        assert "result" in await talk.heard()
        assert (await talk.asked(rpc("logging/setLevel", {"level": "error"})))["result"] == {}
        assert "result" in await talk.asked(call("log"))


async def test_a_subscription_is_told_of_what_it_asked_for_until_it_is_cancelled(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    async with talking(http) as talk:
        deaf = await talk.asked({**modern("subscriptions/listen"), "id": "deaf"})
        assert deaf["params"]["notifications"] == {}
        wanted = {"notifications": {"toolsListChanged": True}}
        heard = await talk.asked({**modern("subscriptions/listen", wanted), "id": "sub"})
        assert heard["params"]["notifications"] == {"toolsListChanged": True}
        calls.change()
        told = await talk.heard()
        assert (told["method"], told["params"]["_meta"][KEY + "subscriptionId"]) == (CHANGED, "sub")
        for identity in ("deaf", "sub"):
            await talk.note("notifications/cancelled", requestId=identity)
        await eventually(lambda: not calls.watchers)
