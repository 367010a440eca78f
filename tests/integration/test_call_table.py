"""What may be repeated: each row of the table, against the sandbox's faults and its ledger."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from pipewise_crds import Resilience
from pipewise_runtime.served import Project
from support.cutting import cuttable
from support.engine import AGENT, MAIL, READ, SEND, Rig, binding, problem, running_engine, service, text
from support.eventually import eventually
from support.listening import free_port
from support.sandbox import PROJECT, sandbox

SENTENCE = "Ups, hubo un error al conectarse con SendGrid"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        await running.serve(binding())
        yield running


async def test_a_call_runs_once_and_its_result_comes_back(rig: Rig) -> None:
    result = await rig.send()
    assert not result.get("isError")
    assert "exports" in text(result)
    assert await rig.sent() == 1
    assert rig.metric("calls_total", agent=AGENT, app="sendgrid", outcome="ok") == 1


@pytest.mark.parametrize("replies", ["json", "sse"])
async def test_json_and_event_stream_replies_bring_the_same(rig: Rig, replies: str) -> None:
    await rig.sandbox.admin.settings(replies=replies)
    assert "exports" in text(await rig.send())
    assert await rig.sent() == 1


async def test_a_refused_connection_is_retried_whatever_the_tool(rig: Rig) -> None:
    port = free_port()
    rig.engine.serve_project(Project("default", PROJECT, "development", f"http://127.0.0.1:{port}/v3"))
    rig.engine.serve(binding(resilience=Resilience()))
    call = asyncio.create_task(rig.send())
    await eventually(lambda: rig.metric("retries_total", app="sendgrid", reason="not_sent") == 1)
    async with cuttable(rig.sandbox.url, port):
        assert not (await call).get("isError")
    assert await rig.sent() == 1


async def test_a_connection_that_stays_refused_ends_as_not_run() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        await rig.serve(binding())
        nowhere = f"http://127.0.0.1:{free_port()}/v3"
        rig.engine.serve_project(Project("default", PROJECT, "development", nowhere))
        result = await rig.send()
    assert text(result) == SENTENCE
    assert problem(result)["outcome"] == "not_run"
    assert problem(result)["reason"] == "UpstreamUnavailable"


async def test_an_expired_token_is_renewed_once_and_the_call_goes_on(rig: Rig) -> None:
    await rig.sandbox.admin.expire_tokens()
    assert not (await rig.send()).get("isError")
    assert await rig.sent() == 1
    assert rig.tokens.minted == 2


async def test_one_renewal_serves_all_calls_that_met_the_old_token(rig: Rig) -> None:
    await rig.sandbox.admin.expire_tokens()
    results = await asyncio.gather(*(rig.send() for _ in range(8)))
    assert [result.get("isError", False) for result in results] == [False] * 8
    assert await rig.sent() == 8


async def test_a_token_refused_twice_is_our_own_credential_and_nothing_ran(rig: Rig) -> None:
    await rig.sandbox.admin.fault("unauthorized", method="tools/call")
    result = await rig.send()
    assert problem(result)["reason"] == "ProjectCredentialInvalid"
    assert problem(result)["outcome"] == "not_run"
    assert problem(result)["attempts"] == 2
    assert rig.evidence.projects()[0].token == "Rejected"
    assert await rig.sent() == 0


@pytest.mark.parametrize("status", [404, 400])
async def test_a_lost_session_is_opened_anew_and_the_caller_does_not_notice(rig: Rig, status: int) -> None:
    await rig.sandbox.admin.settings(sessions=True)
    await rig.send()
    await rig.sandbox.admin.fault("session_lost", status=status, method="tools/call", times=1)
    assert not (await rig.send()).get("isError")
    assert await rig.sent() == 2
    assert rig.metric("session_reinitialisations_total", app="sendgrid") == 1


async def test_a_session_lost_twice_in_a_row_is_not_run(rig: Rig) -> None:
    await rig.sandbox.admin.settings(sessions=True)
    await rig.sandbox.admin.fault("session_lost", status=404, method="tools/call")
    assert problem(await rig.send())["outcome"] == "not_run"
    assert await rig.sent() == 0


async def test_429_waits_as_long_as_asked_and_then_runs_once(rig: Rig) -> None:
    await rig.sandbox.admin.fault("quota", retryAfter=1, times=1)
    started = time.monotonic()
    assert not (await rig.send()).get("isError")
    assert time.monotonic() - started >= 1
    assert await rig.sent() == 1
    assert rig.metric("quota_rejections_total", project="default") >= 1
    assert rig.evidence.projects()[0].quota_exhausted_until is None


async def test_429_beyond_the_deadline_is_told_at_once_and_opens_no_breaker(rig: Rig) -> None:
    await rig.sandbox.admin.fault("quota", retryAfter=60)
    for _ in range(6):
        result = await rig.send()
        assert problem(result)["reason"] == "QuotaExhausted"
        assert problem(result)["outcome"] == "not_run"
        assert 55 < problem(result)["retryAfterSeconds"] <= 60
    assert rig.metric("breaker_open", project="default", app="sendgrid") == 0
    (project,) = rig.evidence.projects()
    assert project.quota_exhausted_until is not None
    assert project.quota_retry_at == project.quota_exhausted_until
    assert await rig.sent() == 0


async def test_a_false_request_to_connect_is_retried_while_the_account_is_listed_healthy(rig: Rig) -> None:
    await rig.sandbox.admin.fault("account_required", times=2)
    assert not (await rig.send()).get("isError")
    assert await rig.sent() == 1
    assert rig.metric("retries_total", app="sendgrid", reason="account") == 2


@pytest.mark.parametrize("form", ["structured", "top", "text", "regex", "all"])
async def test_a_missing_account_hands_the_link_to_the_agent_and_is_not_retried(rig: Rig, form: str) -> None:
    await rig.sandbox.admin.settings(accountRequiredForm=form)
    rig.engine.serve(binding(service("twitter", "twitter", "Missing")))
    result = await rig.call("twitter-create-tweet", {"text": "hola"})
    assert problem(result)["reason"] == "CredentialInvalid"
    assert problem(result)["outcome"] == "not_run"
    assert problem(result)["attempts"] == 1
    link = problem(result)["connectURL"]
    assert "/_static/connect.html" in link
    assert text(result) == f"Ups, hubo un error al conectarse con Twitter. Conecta tu cuenta aquí: {link}"
    assert [each.verdict for each in rig.evidence.exceptions()] == ["CredentialInvalid"]
    assert link not in str(rig.evidence.exceptions())


async def test_a_503_on_a_read_is_retried_until_it_answers(rig: Rig) -> None:
    await rig.sandbox.admin.fault("status", status=503, method="tools/call", times=3)
    assert not (await rig.read()).get("isError")
    assert rig.metric("retries_total", app="sendgrid", reason="upstream") == 3


async def test_a_503_on_a_read_that_stays_ends_as_failed_after_three_retries(rig: Rig) -> None:
    await rig.sandbox.admin.fault("status", status=503, method="tools/call")
    result = await rig.read()
    assert text(result) == SENTENCE
    assert problem(result) == {
        "service": "sendgrid", "reason": "UpstreamUnavailable", "outcome": "failed", "attempts": 4,
    }  # fmt: skip


async def test_a_read_that_may_have_run_before_the_breaker_opened_is_not_said_not_to_have(rig: Rig) -> None:
    breaker = {"failures": 1, "openFor": "30s"}
    rig.engine.serve(binding(resilience=Resilience.model_validate({"baseDelay": "10ms", "breaker": breaker})))
    await rig.sandbox.admin.fault("status", status=503, when="after")
    result = await rig.read()
    assert len(await rig.sandbox.admin.ledger(tool=READ)) == 1
    assert problem(result)["attempts"] == 1
    assert problem(result)["outcome"] == "failed"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["status", "drop"])
async def test_a_write_that_failed_after_it_was_sent_is_never_repeated(
    rig: Rig, kind: str, when: str
) -> None:
    extra = {"status": 503} if kind == "status" else {}
    await rig.sandbox.admin.fault(kind, when=when, method="tools/call", **extra)
    result = await rig.send()
    assert text(result) == f"{SENTENCE}: no se sabe si la acción se realizó"
    assert problem(result)["outcome"] == "unknown"
    assert problem(result)["attempts"] == 1
    assert await rig.sent() == (1 if when == "after" else 0)


@pytest.mark.parametrize("fault", ["html", "wrong_content_type", "bad_json", "truncated"])
async def test_an_answer_that_is_no_answer_leaves_a_write_unknown_and_a_read_retried(
    rig: Rig, fault: str
) -> None:
    await rig.sandbox.admin.fault(fault, method="tools/call", times=1)
    assert problem(await rig.send())["outcome"] == "unknown"
    await rig.sandbox.admin.clear_faults()
    await rig.sandbox.admin.fault(fault, method="tools/call", times=1)
    assert not (await rig.read()).get("isError")
    assert await rig.sent() <= 1


async def test_a_write_that_gets_no_answer_in_time_is_unknown_and_answered_at_the_deadline(rig: Rig) -> None:
    rig.engine.serve(binding(replace(service(), timeout_seconds=0.5)))
    await rig.sandbox.admin.fault("hang", method="tools/call")
    started = time.monotonic()
    assert problem(await rig.send())["outcome"] == "unknown"
    assert 0.4 < time.monotonic() - started < 1.5


async def test_a_call_before_the_first_look_at_its_app_is_answered_by_its_deadline() -> None:
    async with sandbox() as upstream, running_engine(upstream) as rig:
        await rig.sandbox.admin.add_account("user-42", "sendgrid")
        await rig.sandbox.admin.fault("hang", method="initialize")
        rig.engine.serve(binding(replace(service(), timeout_seconds=0.5)))
        started = time.monotonic()
        assert problem(await rig.send())["outcome"] == "not_run"
        assert time.monotonic() - started < 1.5


async def test_a_tools_own_error_is_passed_on_and_never_retried(rig: Rig) -> None:
    await rig.sandbox.admin.fault("tool_error", method="tools/call")
    result = await rig.read()
    assert result["isError"] is True
    assert "structuredContent" not in result or "outcome" not in result["structuredContent"]
    assert rig.metric("calls_total", agent=AGENT, app="sendgrid", outcome="tool_error") == 1
    assert rig.metric("retries_total", app="sendgrid", reason="upstream") == 0


async def test_a_mail_that_quotes_a_connect_link_is_not_taken_for_a_missing_account(rig: Rig) -> None:
    quoted = "Go to: https://pipedream.com/_static/connect.html?token=ctok_1 to connect your account."
    result = await rig.call(SEND, {**MAIL, "subject": quoted, "content": quoted})
    assert not result.get("isError")
    assert await rig.sent() == 1


async def test_cancelling_a_call_reaches_the_upstream(rig: Rig) -> None:
    await rig.sandbox.admin.fault("hang", method="tools/call")
    call = asyncio.create_task(rig.send())
    await eventually(lambda: _seen(rig, "tools/call"))
    call.cancel()
    await eventually(lambda: _seen(rig, "notifications/cancelled"))
    assert await rig.sent() == 0


async def _seen(rig: Rig, method: str) -> bool:
    return method in str(await rig.sandbox.admin.state()) or method in str(await rig.sandbox.admin.requests())
