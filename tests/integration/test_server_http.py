"""The agents' server at the level of HTTP: what clients of all kinds may send, and what they get."""

from typing import Any

import httpx2
import pytest

from pipewise_runtime.server.agents import MOST_BYTES
from support.memory_calls import MemoryCalls
from support.serving import PATH, call, post, rpc, url_of


async def code_of(http: httpx2.AsyncClient, message: Any) -> int:  # noqa: ANN401 - JSON
    reply = await post(http, message)
    assert reply.status_code == 200
    code: int = reply.json()["error"]["code"]
    return code


@pytest.mark.parametrize("asked", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_each_version_spoken_is_agreed_on(http: httpx2.AsyncClient, asked: str) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    reply = await post(http, rpc("initialize", params))
    result = reply.json()["result"]
    assert result["protocolVersion"] == asked
    assert result["serverInfo"]["name"] == "pipewise"
    assert reply.headers["mcp-session-id"]


@pytest.mark.parametrize("asked", ["2026-07-28", "never"])
async def test_another_version_is_met_with_the_latest(http: httpx2.AsyncClient, asked: str) -> None:
    reply = await post(http, rpc("initialize", {"protocolVersion": asked}))
    assert reply.json()["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize("id", [0, -7, 12345678901234567890, "text", 'with "quotes" and ñ'])
async def test_ids_come_back_as_they_were(http: httpx2.AsyncClient, id: Any) -> None:  # noqa: A002, ANN401
    reply = await post(http, rpc("ping", id=id))
    assert reply.json() == {"jsonrpc": "2.0", "id": id, "result": {}}


async def test_notifications_and_responses_are_accepted_without_a_body(http: httpx2.AsyncClient) -> None:
    for message in (
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 5, "result": {}},
    ):
        reply = await post(http, message)
        assert (reply.status_code, reply.content) == (202, b"")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (rpc("resources/list"), -32601),
        (rpc("server/discover"), -32601),
        (rpc("initialize", {}), -32602),
        (rpc("tools/list", {"cursor": "x"}), -32602),
        (rpc("logging/setLevel", {"level": "loud"}), -32602),
        (rpc("tools/call", {}), -32602),
        (rpc("tools/call"), -32602),
        (call("no-such-tool"), -32602),
        (call("fault"), -32099),
        (call("fault", code="not a number"), "not a number"),
        (call("crash"), -32603),
    ],
)
async def test_a_fault_in_a_request_is_told_by_its_code(
    http: httpx2.AsyncClient, message: dict[str, Any], code: object
) -> None:
    assert await code_of(http, message) == code


async def test_an_unknown_tool_is_named(http: httpx2.AsyncClient) -> None:
    reply = await post(http, call("no-such-tool"))
    assert reply.json()["error"]["message"] == "Unknown tool: no-such-tool"


async def test_a_defect_is_not_told_to_the_client(http: httpx2.AsyncClient, calls: MemoryCalls) -> None:
    assert "a defect" not in (await post(http, call("crash"))).text
    calls.is_broken = True
    listed = await post(http, rpc("tools/list"))
    assert listed.json()["error"]["code"] == -32603
    assert "a defect" not in listed.text


@pytest.mark.parametrize(
    ("level", "is_told"), [("debug", True), ("info", True), ("notice", False), ("emergency", False)]
)
async def test_a_session_hears_log_messages_of_the_level_it_chose(
    http: httpx2.AsyncClient, level: str, *, is_told: bool
) -> None:
    opened = await post(http, rpc("initialize", {"protocolVersion": "2025-11-25"}))
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Accept": "*/*, text/event-stream"}
    chosen = await post(http, rpc("logging/setLevel", {"level": level}), **session)
    assert chosen.json()["result"] == {}
    assert ("notifications/message" in (await post(http, call("log"), **session)).text) is is_told
    assert "notifications/progress" in (await post(http, call("progress"), **session)).text


async def test_without_a_session_all_log_messages_are_heard(http: httpx2.AsyncClient) -> None:
    events = {"Accept": "*/*, text/event-stream"}
    assert (await post(http, rpc("logging/setLevel", {"level": "error"}))).json()["result"] == {}
    assert "notifications/message" in (await post(http, call("log"), **events)).text


@pytest.mark.parametrize(
    ("body", "code", "id"),
    [
        (b"", -32700, None),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":' + b"[" * 100_000, -32700, None),
        (b'{"jsonrpc":"2.0","id":7,"method":7,"params":' + b"[" * 100_000, -32600, None),
        (b"[" * 100_000, -32700, None),
        (b"[" + b'{"a":' * 100_000, -32700, None),
        (b"{", -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xff"}}', -32700, None),
        (b"17", -32600, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc":"1.0","id":3,"method":"ping"}', -32600, 3),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":4,"method":7}', -32600, 4),
        (b'{"jsonrpc":"2.0","id":5,"method":"ping","params":[1]}', -32600, 5),
        (b'{"jsonrpc":"2.0","id":6}', -32600, 6),
    ],
)
async def test_what_is_no_message_is_refused(
    http: httpx2.AsyncClient,
    body: bytes,
    code: int,
    id: int | None,  # noqa: A002 - JSON-RPC's word
) -> None:
    reply = await http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert (reply.json()["error"]["code"], reply.json()["id"]) == (code, id)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Accept": "text/html"}, 406),
        ({"Accept": "text/event-stream"}, 406),
        ({"Host": "evil.example:8720"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "127.0.0.1:no-port"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"MCP-Protocol-Version": "2024-10-07"}, 400),
        ({"MCP-Protocol-Version": "tomorrow"}, 400),
    ],
)
async def test_heads_that_are_not_allowed_are_refused(
    http: httpx2.AsyncClient, headers: dict[str, str], status: int
) -> None:
    assert (await post(http, rpc("ping"), **headers)).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8"},
        {"Accept": "application/json;q=0.9, text/event-stream"},
        {"Accept": "*/*"},
        {"Host": "localhost:9"},
        {"Host": "[::1]:8720"},
        {"Origin": "http://localhost:3000"},
        {"MCP-Protocol-Version": "2025-06-18"},
    ],
)
async def test_heads_that_are_allowed_are_served(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await post(http, rpc("ping"), **headers)).status_code == 200


async def test_an_unsupported_version_is_told_which_are_spoken(http: httpx2.AsyncClient) -> None:
    reply = await http.post(PATH, json=rpc("ping"), headers={"MCP-Protocol-Version": "2027-01-01"})
    assert reply.json()["error"]["data"] == {
        "supported": ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"],
        "requested": "2027-01-01",
    }


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD"])
async def test_other_http_methods_are_not_allowed(http: httpx2.AsyncClient, method: str) -> None:
    reply = await http.request(method, PATH, headers={"Accept": "text/event-stream"})
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST, GET, DELETE")


async def test_a_session_serves_until_its_client_ends_it(http: httpx2.AsyncClient) -> None:
    opened = await post(http, rpc("initialize", {"protocolVersion": "2025-11-25"}))
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    assert (await post(http, rpc("ping"), **session)).status_code == 200
    assert (await http.delete(PATH, headers=session)).status_code == 204
    assert (await post(http, rpc("ping"), **session)).status_code == 404
    assert (await http.delete(PATH, headers=session)).status_code == 404


@pytest.mark.parametrize(
    "session", ["made-up", "pipewise.e30=", "pipewise.e30.x.y", "pipewise.e.x", "pipewise.W10=.x", "x" * 600]
)
async def test_a_session_that_nobody_opened_is_not_served(http: httpx2.AsyncClient, session: str) -> None:
    assert (await post(http, rpc("ping"), **{"Mcp-Session-Id": session})).status_code == 404


async def test_capabilities_that_make_no_sense_are_taken_for_none(http: httpx2.AsyncClient) -> None:
    opened = await post(http, rpc("initialize", {"protocolVersion": "2025-11-25", "capabilities": 7}))
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    told = await post(http, call("ask"), **session)
    assert "takes no such request" in told.text


async def test_only_a_named_session_can_be_ended(http: httpx2.AsyncClient) -> None:
    assert (await http.delete(PATH)).status_code == 400


@pytest.mark.parametrize("path", ["/", "/mcp", "/agents/a/users/b", PATH + "/more", "/agents//users/u/mcp"])
async def test_other_paths_are_not_found(http: httpx2.AsyncClient, path: str) -> None:
    assert (await http.post(path, json=rpc("ping"))).status_code == 404


async def test_an_unserved_user_is_named_with_the_next_step(http: httpx2.AsyncClient) -> None:
    reply = await http.post("/agents/coordinator/users/nobody/mcp", json=rpc("ping", id=9))
    assert (reply.status_code, reply.json()["id"]) == (404, 9)
    assert 'user "nobody"' in reply.json()["error"]["message"]
    assert "kubectl get amb" in reply.json()["error"]["message"]


async def test_users_are_percent_decoded(http: httpx2.AsyncClient, base: str) -> None:
    url = url_of(base, user="ana@example.com")
    assert "%40" in url
    assert (await http.post(url, json=rpc("ping"))).status_code == 200


async def test_a_body_at_the_limit_is_read_and_a_longer_one_is_refused(http: httpx2.AsyncClient) -> None:
    empty = len(httpx2.Request("POST", "http://x", json=call("echo", text="")).content)
    fits = await post(http, call("echo", text="x" * (MOST_BYTES - empty)))
    assert fits.status_code == 200
    assert (await post(http, call("echo", text="x" * (MOST_BYTES - empty + 1)))).status_code == 413
