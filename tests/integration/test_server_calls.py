"""Calls through the agents' server: streams, batches, cancellation, clients that go away."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from support.eventually import eventually
from support.memory_calls import MemoryCalls
from support.serving import PATH, call, post, rpc, url_of

EVENTS = {"Accept": "application/json, text/event-stream"}


async def test_a_batch_is_answered_to_a_client_of_the_version_that_has_them(http: httpx2.AsyncClient) -> None:
    batch = [
        rpc("ping", id=1),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        call("echo", id="two", text="hi"),
        rpc("initialize", {"protocolVersion": "2025-03-26"}, 3),
        17,
    ]
    replies = (await post(http, batch)).json()
    assert [reply["id"] for reply in replies] == [1, "two", 3, None]
    assert replies[1]["result"]["content"][0]["text"] == "hi"
    assert [replies[2]["error"]["code"], replies[3]["error"]["code"]] == [-32600, -32600]


async def test_a_batch_of_notifications_gets_no_reply(http: httpx2.AsyncClient) -> None:
    reply = await post(http, [{"jsonrpc": "2.0", "method": "notifications/initialized"}])
    assert (reply.status_code, reply.content) == (202, b"")


async def test_later_versions_have_no_batches(http: httpx2.AsyncClient) -> None:
    reply = await post(http, [rpc("ping")], **{"MCP-Protocol-Version": "2025-06-18"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize("batch", [[], [{}] * 65])
async def test_empty_and_endless_batches_are_refused(http: httpx2.AsyncClient, batch: list[Any]) -> None:
    assert (await post(http, batch)).status_code == 400


async def test_a_batch_that_is_cut_short_is_refused_as_what_it_is(http: httpx2.AsyncClient) -> None:
    reply = await http.post(PATH, content=b"[{", headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, -32700)


async def test_a_batch_of_an_unserved_user_is_told_why(http: httpx2.AsyncClient) -> None:
    reply = await http.post(url_of("", user="nobody"), json=[rpc("ping")])
    assert reply.status_code == 404
    assert "kubectl get amb" in reply.json()["error"]["message"]


async def test_notifications_come_as_events_before_the_result(http: httpx2.AsyncClient) -> None:
    reply = await post(http, call("progress"), **EVENTS)
    assert reply.headers["content-type"] == "text/event-stream"
    events = reply.text.strip().split("\n\n")
    assert len(events) == 4
    messages = [json.loads(event.removeprefix("event: message\ndata: ")) for event in events]
    assert [message.get("method") for message in messages] == ["notifications/progress"] * 3 + [None]
    assert messages[-1]["result"]["content"][0]["text"] == "done"
    assert all(event.count("\n") == 1 for event in events)


async def test_a_client_that_takes_no_events_gets_plain_json(http: httpx2.AsyncClient) -> None:
    reply = await post(http, call("progress"), Accept="application/json")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["result"]["content"][0]["text"] == "done"


async def test_a_cancelled_notification_on_another_connection_ends_the_call(
    http: httpx2.AsyncClient, base: str, calls: MemoryCalls
) -> None:
    running = asyncio.create_task(post(http, call("hang", id="h"), Accept="application/json"))
    await calls.started.wait()
    async with httpx2.AsyncClient(base_url=base) as other:
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "h"}}
        assert (await post(other, note)).status_code == 202
    async with asyncio.timeout(5):
        await calls.cancelled.wait()
        assert (await running).json()["error"]["message"] == "request cancelled"


async def test_a_word_to_cancel_that_names_no_call_is_accepted_and_ends_none(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    running = asyncio.create_task(post(http, call("wait", id="h")))
    await calls.started.wait()
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    for params in ({}, {"params": {}}, {"params": {"requestId": "other"}}):
        assert (await post(http, {**note, **params})).status_code == 202
    calls.may_finish.set()
    assert (await running).json()["result"]["content"][0]["text"] == "waited"


async def test_a_call_cancelled_after_it_told_of_progress_ends_its_stream_without_an_answer(
    http: httpx2.AsyncClient, base: str, calls: MemoryCalls
) -> None:
    asked = rpc("tools/call", {"name": "hang", "_meta": {"progressToken": "t"}}, "h")
    running = asyncio.create_task(post(http, asked, **EVENTS))
    await calls.started.wait()
    async with httpx2.AsyncClient(base_url=base) as other:
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "h"}}
        assert (await post(other, note)).status_code == 202
    reply = await running
    assert reply.headers["content-type"] == "text/event-stream"
    [told] = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    assert told["method"] == "notifications/progress"


async def test_a_word_to_cancel_said_twice_is_heard_once(
    http: httpx2.AsyncClient, base: str, calls: MemoryCalls
) -> None:
    running = asyncio.create_task(post(http, call("hang", id="h"), Accept="application/json"))
    await calls.started.wait()
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "h"}}
    async with httpx2.AsyncClient(base_url=base) as other:
        assert (await post(other, [note, note])).status_code == 202
    assert (await running).json()["error"]["message"] == "request cancelled"


async def test_a_call_that_ends_well_although_it_was_cancelled_is_answered(
    http: httpx2.AsyncClient, base: str, calls: MemoryCalls
) -> None:
    running = asyncio.create_task(post(http, call("hang", id="s", stubborn=True)))
    await calls.started.wait()
    async with httpx2.AsyncClient(base_url=base) as other:
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "s"}}
        assert (await post(other, note)).status_code == 202
    assert (await running).json()["result"]["content"][0]["text"] == "done all the same"


async def test_another_users_word_does_not_end_a_call(http: httpx2.AsyncClient, calls: MemoryCalls) -> None:
    running = asyncio.create_task(post(http, call("wait", id="h")))
    await calls.started.wait()
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "h"}}
    await http.post(url_of("", user="ana@example.com"), json=note)
    calls.may_finish.set()
    assert (await running).json()["result"]["content"][0]["text"] == "waited"


async def test_a_client_that_goes_away_ends_its_call(base: str, calls: MemoryCalls) -> None:
    async with httpx2.AsyncClient(base_url=base) as leaving:
        running = asyncio.create_task(post(leaving, call("hang")))
        await calls.started.wait()
        running.cancel()
        await asyncio.wait((running,))
    async with asyncio.timeout(5):
        await calls.cancelled.wait()


async def test_many_calls_on_many_connections_each_get_their_own_answer(http: httpx2.AsyncClient) -> None:
    replies = await asyncio.gather(*(post(http, call("echo", id=n, text=str(n))) for n in range(60)))
    texts = {reply.json()["id"]: reply.json()["result"]["content"][0]["text"] for reply in replies}
    assert texts == {n: str(n) for n in range(60)}


@pytest.mark.parametrize("begun", ["", "{"])
async def test_a_client_that_sends_half_a_request_and_leaves_disturbs_nobody(
    http: httpx2.AsyncClient, base: str, begun: str
) -> None:
    host, port = base.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    headers = f"Host: {host}\r\nContent-Type: application/json\r\nContent-Length: 99"
    writer.write(f"POST {PATH} HTTP/1.1\r\n{headers}\r\n\r\n{begun}".encode())
    await writer.drain()
    writer.close()

    async def is_served() -> bool:
        return (await post(http, rpc("ping"))).status_code == 200

    await eventually(is_served)


async def test_a_client_that_leaves_its_batch_ends_all_its_calls(base: str, calls: MemoryCalls) -> None:
    async with httpx2.AsyncClient(base_url=base) as leaving:
        running = asyncio.create_task(post(leaving, [call("hang", id=1), call("hang", id=2)]))
        await calls.started.wait()
        running.cancel()
        await asyncio.wait((running,))
    await eventually(lambda: calls.hanging == 0)


async def test_a_word_to_cancel_is_about_the_session_it_comes_from(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    mine, other = [await _session(http) for _ in range(2)]
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}}
    kept = asyncio.create_task(post(http, call("wait", id=3), **mine))
    await calls.started.wait()
    for others in (other, {}):
        assert (await post(http, note, **others)).status_code == 202
    hanging = [
        asyncio.create_task(post(http, call("hang", id=3), Accept="application/json", **other))
        for _ in range(2)  # all of one client's, although no two should have the same id
    ]
    await eventually(lambda: calls.hanging == 2)
    assert (await post(http, note, **other)).status_code == 202
    for reply in await asyncio.gather(*hanging):
        assert reply.json()["error"]["message"] == "request cancelled"
    calls.may_finish.set()
    assert (await kept).json()["result"]["content"][0]["text"] == "waited"


async def _session(http: httpx2.AsyncClient) -> dict[str, str]:
    """The header of a new session."""
    opened = await post(http, rpc("initialize", {"protocolVersion": "2025-11-25"}))
    return {"Mcp-Session-Id": opened.headers["mcp-session-id"]}


async def test_a_word_that_could_mean_two_calls_ends_neither(
    http: httpx2.AsyncClient, calls: MemoryCalls
) -> None:
    running = [asyncio.create_task(post(http, call("wait", id="same"))) for _ in range(2)]
    await eventually(lambda: calls.waiting == 2)
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "same"}}
    assert (await post(http, note)).status_code == 202
    calls.may_finish.set()
    for reply in await asyncio.gather(*running):
        assert reply.json()["result"]["content"][0]["text"] == "waited"
