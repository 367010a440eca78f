"""The sandbox's MCP server, judged by the official client, by the Agents SDK, and by hand."""

import json

import httpx2
import pytest
from agents.mcp import MCPServerStreamableHttp
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from support.mcp_wire import ACCEPT, MAIL, SEND, McpWire
from support.sandbox import PROJECT, sandbox


@pytest.mark.parametrize("replies", ["json", "sse"])
@pytest.mark.parametrize("sessions", [True, False])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_lists_and_calls(mode: str, sessions: bool, replies: str) -> None:  # noqa: FBT001 - a parameter of the test
    async with sandbox() as box:
        await box.admin.settings(replies=replies, sessions=sessions)
        await box.admin.add_account("ada", "sendgrid")
        headers = await box.headers("ada", "sendgrid")
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(box.mcp_url, http_client=http)
            async with Client(transport, mode=mode) as client:
                tools = (await client.list_tools()).tools
                assert len(tools) == 20
                result = await client.call_tool(SEND, MAIL)
        assert not result.is_error
        assert [mail["to"] for mail in await box.admin.outbox()] == ["b@example.com"]


async def test_the_agents_sdk_lists_and_calls() -> None:
    async with sandbox() as box:
        await box.admin.add_account("ada", "pipedrive")
        params = {"url": box.mcp_url, "headers": await box.headers("ada", "pipedrive")}
        async with MCPServerStreamableHttp(params=params) as server:  # type: ignore[arg-type]
            assert len(await server.list_tools()) == 29
            await server.call_tool("pipedrive-add-person", {"name": "Grace", "emails": ["grace@example.com"]})
            found = await server.call_tool("pipedrive-search-persons", {"term": "grace@example.com"})
        text = json.loads(found.content[0].text)  # type: ignore[union-attr]
        assert [item["item"]["name"] for item in text["ret"]["data"]["items"]] == ["Grace"]


@pytest.mark.parametrize("path", ["/v3", "/", "/ada/sendgrid", "/v1/ada/sendgrid"])
async def test_every_path_and_the_query_form_lead_to_the_same_tools(path: str) -> None:
    async with sandbox() as box:
        await box.admin.settings(sessions=False)
        headers = {"authorization": f"Bearer {await box.token()}", "accept": ACCEPT}
        query = {
            "projectId": PROJECT,
            "environment": "development",
            "externalUserId": "ada",
            "app": "sendgrid",
        }
        body = {"jsonrpc": "2.0", "id": "x", "method": "tools/list"}
        answer = await box.client.post(f"{box.url}{path}", json=body, headers=headers, params=query)
        assert answer.json()["id"] == "x"
        assert len(answer.json()["result"]["tools"]) == 20


async def test_pages_of_tools_add_up_to_all_of_them() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box, app="pipedrive")
        await box.admin.settings(toolPageSize=10)
        names, cursor = [], None
        while True:
            page = (await wire.ask("tools/list", {"cursor": cursor} if cursor else {})).json()["result"]
            names += [tool["name"] for tool in page["tools"]]
            cursor = page.get("nextCursor")
            if cursor is None:
                break
        assert len(names) == len(set(names)) == 29


async def test_an_initialize_in_any_handshake_version_is_answered_in_kind() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box)
        for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
            answer = await wire.ask("initialize", {"protocolVersion": version})
            assert answer.json()["result"]["protocolVersion"] == version


async def test_the_discovery_of_the_version_after_is_an_unknown_method() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box)
        plain = await wire.ask("server/discover")
        assert (plain.status_code, plain.json()["error"]["code"]) == (200, -32601)
        wire.headers["mcp-protocol-version"] = "2026-07-28"
        modern = await wire.ask("server/discover")
        assert (modern.status_code, modern.json()["error"]["code"]) == (400, -32601)
        wire.headers["mcp-protocol-version"] = "1999-01-01"
        assert (await wire.ask("ping")).status_code == 400


async def test_a_session_is_needed_known_and_can_be_ended() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box)
        assert (await wire.ask("ping")).json()["result"] == {}
        assert (await wire.tell("notifications/initialized")).status_code == 202
        assert (await box.client.delete(box.mcp_url, headers=wire.headers)).status_code == 200
        lost = await wire.ask("ping")
        assert (lost.status_code, lost.json()["error"]["message"]) == (404, "Session not found")
        del wire.headers["mcp-session-id"]
        assert (await wire.ask("ping")).status_code == 400


@pytest.mark.parametrize(
    ("replies", "accept", "form"),
    [
        ("sse", "application/json", "application/json"),
        ("json", "text/event-stream", "text/event-stream"),
        ("sse", "*/*", "text/event-stream"),
    ],
)
async def test_a_reply_has_a_form_the_client_accepts(replies: str, accept: str, form: str) -> None:
    async with sandbox() as box:
        await box.admin.settings(replies=replies)
        wire = await McpWire.opened(box)
        wire.headers["accept"] = accept
        assert (await wire.ask("ping")).headers["content-type"] == form


async def test_a_session_serves_nobody_but_its_user() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box, "ada")
        wire.headers["x-pd-external-user-id"] = "bob"
        assert (await wire.ask("ping")).status_code == 404


async def test_a_request_that_is_not_quite_right_is_told_so() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box)
        missing = {name: value for name, value in wire.headers.items() if name != "x-pd-environment"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        answer = await box.client.post(box.mcp_url, json=body, headers=missing)
        assert answer.status_code == 400
        assert "x-pd-environment" in answer.json()["error"]["message"]
        stranger = wire.headers | {"authorization": "Bearer nonsense"}
        refused = await box.client.post(box.mcp_url, json=body, headers=stranger)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        typed = wire.headers | {"content-type": "text/plain"}
        assert (await box.client.post(box.mcp_url, content=b"{}", headers=typed)).status_code == 415
        json_type = wire.headers | {"content-type": "application/json"}
        garbled = await box.client.post(box.mcp_url, content=b"{", headers=json_type)
        assert (garbled.status_code, garbled.json()["error"]["code"]) == (400, -32700)


async def test_a_wrong_address_and_a_wrong_accept_get_html() -> None:
    async with sandbox() as box:
        wire = await McpWire.opened(box)
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        lost = await box.client.post(f"{box.url}/v4/x/y/z", json=body, headers=wire.headers)
        assert (lost.status_code, lost.headers["content-type"]) == (404, "text/html; charset=utf-8")
        picky = wire.headers | {"accept": "image/png"}
        refused = await box.client.post(box.mcp_url, json=body, headers=picky)
        assert (refused.status_code, refused.headers["content-type"]) == (406, "text/html; charset=utf-8")
        shown = await box.client.get(box.mcp_url, headers={"accept": "text/html"})
        assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_wrong_arguments_and_unknown_tools_are_results_with_an_error_and_run_nothing() -> None:
    async with sandbox() as box:
        await box.admin.add_account("ada", "sendgrid")
        wire = await McpWire.opened(box)
        for tool, arguments in (
            (SEND, {"toEmail": "x"}),
            (SEND, MAIL | {"colour": "red"}),
            ("sendgrid-fly", {}),
        ):
            assert (await wire.call(tool, arguments)).json()["result"]["isError"] is True
        assert await box.admin.ledger() == []


@pytest.mark.parametrize("form", ["structured", "top", "text", "regex", "all"])
async def test_without_a_usable_account_a_link_comes_back_and_nothing_runs(form: str) -> None:
    async with sandbox() as box:
        await box.admin.settings(accountRequiredForm=form)
        await box.admin.add_account("ada", "sendgrid", healthy=False)
        wire = await McpWire.opened(box)
        result = (await wire.call()).json()["result"]
        assert result["isError"] is False
        link = f"{box.url}/_static/connect.html?token=ctok_"
        places = {
            "structured": link in result.get("structuredContent", {}).get("connectUrl", ""),
            "top": result.get("accountRequired") is True and link in result.get("connectUrl", ""),
            "text": '"accountRequired": true' in result["content"][0]["text"],
        }
        expected = {"regex": set(), "all": {"structured", "top"}}.get(form, {form})
        assert {place for place, present in places.items() if present} == expected
        assert link in result["content"][0]["text"]
        assert await box.admin.ledger() == []


async def test_a_pinned_account_is_the_only_one_that_counts() -> None:
    async with sandbox() as box:
        await box.admin.add_account("ada", "sendgrid")
        broken = await box.admin.add_account("ada", "sendgrid", dead=True)
        wire = await McpWire.opened(box)
        wire.headers["x-pd-account-id"] = broken
        assert (await wire.call()).json()["result"]["accountRequired"] is True
        await box.admin.set_account(broken, dead=False)
        assert (await wire.call()).json()["result"]["isError"] is False
        assert [entry["account"] for entry in await box.admin.ledger()] == [broken]


async def test_runs_beyond_the_quota_are_refused_and_not_executed() -> None:
    async with sandbox() as box:
        await box.admin.settings(quotaRuns=2, quotaWindowSeconds=60)
        await box.admin.add_account("ada", "sendgrid")
        wire = await McpWire.opened(box)
        statuses = [(await wire.call()).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert 0 < int((await wire.call()).headers["retry-after"]) <= 60
        assert len(await box.admin.ledger()) == 2
