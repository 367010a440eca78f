"""Every fault of the sandbox, held against the ledger: what was executed, and what only looked like it."""

import asyncio
import json

import httpx2
import pytest

from support.eventually import eventually
from support.mcp_wire import connected
from support.sandbox import PROJECT, Sandbox, sandbox


@pytest.mark.parametrize(("when", "executed"), [("before", 0), ("after", 1)])
async def test_a_status_comes_before_or_after_the_side_effect(when: str, executed: int) -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault(
            "status", status=502, when=when, times=1, retryAfter=7, body="bad", contentType="text/plain"
        )
        answer = await wire.call()
        assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (502, "bad", "7")
        assert answer.headers["content-type"] == "text/plain"
        assert len(await box.admin.ledger()) == executed
        assert (await wire.call()).status_code == 200


@pytest.mark.parametrize(("when", "executed"), [("before", 0), ("after", 1), ("mid", 1)])
async def test_a_drop_cuts_the_connection_and_keeps_the_books_right(when: str, executed: int) -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("drop", when=when, times=1, method="tools/call")
        with pytest.raises(httpx2.TransportError) as cut:
            await wire.call()
        assert ("complete message body" in str(cut.value)) == (when == "mid")
        assert len(await box.admin.ledger()) == executed
        assert (await box.admin.requests())["requests"]["tools/call"] == {"drop": 1}
        assert (await wire.call()).status_code == 200


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_delayed_call_runs_even_if_nobody_waits_for_it(when: str) -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("delay", seconds=2, when=when, times=1)
        with pytest.raises(httpx2.ReadTimeout):
            await box.client.post(
                box.mcp_url,
                json={"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": mail_params()},
                headers=wire.headers,
                timeout=0.1,
            )
        if when == "before":
            assert await box.admin.ledger() == []
        await eventually(box.admin.ledger, within=10)


@pytest.mark.parametrize(("when", "executed"), [("before", 0), ("after", 1)])
async def test_a_hanging_call_ends_when_it_is_cancelled(when: str, executed: int) -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("hang", when=when, method="tools/call")
        hanging = asyncio.create_task(wire.call())

        async def hangs() -> bool:
            return "hang" in (await box.admin.requests())["requests"].get("tools/call", {})

        await eventually(hangs)
        cancelled = await wire.tell("notifications/cancelled", {"requestId": 2})
        assert cancelled.status_code == 202
        assert (await hanging).json()["error"]["message"] == "Request cancelled"
        assert len(await box.admin.ledger()) == executed


async def test_a_delayed_call_that_is_cancelled_never_runs() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("delay", seconds=60, tool="sendgrid-*", times=1)
        delayed = asyncio.create_task(wire.call())
        await eventually(lambda: spent(box))
        await wire.tell("notifications/cancelled", {"requestId": 2, "reason": "enough"})
        assert (await delayed).json()["error"]["message"] == "Request cancelled"
        assert await box.admin.ledger() == []


async def test_a_hanging_call_ends_when_the_client_leaves() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("hang", method="tools/call")
        before = (await box.admin.requests())["connections"]
        with pytest.raises(httpx2.ReadTimeout):
            await box.client.post(
                box.mcp_url,
                json={"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": mail_params()},
                headers=wire.headers,
                timeout=0.1,
            )

        async def closed() -> bool:
            return int((await box.admin.requests())["connections"]) <= before

        await eventually(closed)
        assert await box.admin.ledger() == []


@pytest.mark.parametrize(
    ("status", "message"), [(404, "Session not found"), (400, "Bad Request: No valid session ID provided")]
)
async def test_a_lost_session_stays_lost(status: int, message: str) -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("session_lost", status=status, times=1)
        answer = await wire.call()
        assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)
        assert (await wire.call()).status_code == 404
        assert await box.admin.ledger() == []


async def test_an_unauthorized_once_passes() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("unauthorized", times=1)
        assert (await wire.call()).status_code == 401
        assert (await wire.call()).status_code == 200


async def test_html_and_a_wrong_content_type_differ_in_what_was_executed() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("html", times=1)
        page = await wire.call()
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert await box.admin.ledger() == []
        await box.admin.fault("wrong_content_type", times=1)
        disguised = await wire.call()
        assert disguised.headers["content-type"] == "text/html; charset=utf-8"
        assert disguised.json()["result"]["isError"] is False
        assert len(await box.admin.ledger()) == 1


async def test_a_false_account_required_runs_nothing_and_the_accounts_stay_healthy() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("account_required", times=1)
        assert (await wire.call()).json()["result"]["accountRequired"] is True
        assert await box.admin.ledger() == []
        accounts = await box.client.get(f"{box.api_url}/connect/{PROJECT}/accounts", headers=wire.headers)
        assert accounts.json()["data"][0]["healthy"] is True
        assert (await wire.call()).json()["result"]["isError"] is False


async def test_tool_errors_and_rpc_errors_are_worded_as_asked() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("tool_error", message="the plan does not allow it", times=1)
        result = (await wire.call()).json()["result"]
        assert (result["isError"], result["content"][0]["text"]) == (True, "the plan does not allow it")
        await box.admin.fault("rpc_error", code=-32001, message="timed out", method="tools/call", times=1)
        assert (await wire.call()).json()["error"] == {"code": -32001, "message": "timed out"}
        assert await box.admin.ledger() == []
        await box.admin.fault("rpc_error", when="after", method="tools/call", times=1)
        assert "error" in (await wire.call()).json()
        assert len(await box.admin.ledger()) == 1


async def test_tools_disappear_by_name_or_all_at_once() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        fault = await box.admin.fault("no_tools", tools=["sendgrid-create-send"])
        tools = (await wire.ask("tools/list")).json()["result"]["tools"]
        assert len(tools) == 19
        assert "sendgrid-create-send" not in [tool["name"] for tool in tools]
        await box.admin.clear_fault(fault)
        await box.admin.fault("no_tools")
        assert (await wire.ask("tools/list")).json()["result"]["tools"] == []


async def test_a_reply_can_be_too_large_too_short_or_no_json() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("oversized", bytes=200_000, times=1)
        assert len((await wire.call()).content) > 200_000
        for kind in ("truncated", "bad_json"):
            await box.admin.fault(kind, times=1, method="tools/call")
            answer = await wire.call()
            assert answer.status_code == 200
            with pytest.raises(json.JSONDecodeError):
                answer.json()
        assert len(await box.admin.ledger()) == 3


async def test_a_slow_reply_drips() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("slow_drip", seconds=0.4, times=1)
        slow = await wire.call()
        assert slow.json()["result"]["isError"] is False
        assert slow.elapsed.total_seconds() >= 0.3


async def test_a_quota_fault_refuses_calls_and_nothing_else() -> None:
    async with sandbox() as box:
        wire = await connected(box)
        await box.admin.fault("quota", retryAfter=9)
        limited = await wire.call()
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "9")
        assert limited.headers["x-ratelimit-reset"] == "9"
        assert (await wire.ask("tools/list")).status_code == 200
        assert await box.admin.ledger() == []


async def spent(box: Sandbox) -> bool:
    return await box.admin.faults() == []


def mail_params() -> dict[str, object]:
    mail = {"fromEmail": "a@example.com", "toEmail": "b@example.com", "subject": "Hi"}
    return {"name": "sendgrid-send-email-single-recipient", "arguments": mail}
