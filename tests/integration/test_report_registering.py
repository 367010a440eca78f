"""Registering the runtime's own object where the API server answers otherwise than hoped."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipewise_crds import RuntimeStatus
from pipewise_runtime.core.evidence import Evidence, ProviderSeen
from pipewise_runtime.report import Facts, Identity, Report
from pipewise_runtime.server.asgi import Receive, Scope, Send, send_json
from pipewise_runtime.sources.cluster import connect
from support.eventually import eventually, rest
from support.listening import listening
from support.runtimes import kubeconfig_to


class Standstill:
    """A source of bindings that has taken up all there are."""

    synced_through, bindings = "7", 0

    def __init__(self) -> None:
        self.synced = asyncio.Event()
        self.synced.set()

    def take_moved(self) -> bool:
        """Whether a binding moved."""
        return False


class Answers:
    """An API server with an answer for each request, and 200 for all that come after."""

    def __init__(self, *statuses: tuple[str, int]) -> None:
        self.left = list(statuses)
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.asked.append(scope["method"])
        await self.may_answer.wait()
        method, status = self.left.pop(0) if self.left else (scope["method"], 200)
        assert scope["method"] == method
        failure = {"kind": "Status", "code": status, "message": "no", "reason": "No"}
        body = {"metadata": {"name": "r"}} if status < 300 else failure
        await send_json(send, json.dumps(body).encode(), status)


@asynccontextmanager
async def reporting(answers: Answers, folder: Path) -> AsyncIterator[tuple[Report, Evidence]]:
    async with listening(answers) as url:
        client = connect(kubeconfig_to(url, folder), "sales")
        evidence = Evidence()
        facts = Facts(evidence, RuntimeStatus(), Standstill(), sessions=lambda: 0)
        report = Report(client, Identity("r", pod_uid="1"), facts)
        task = asyncio.create_task(report.run())
        try:
            yield report, evidence
        finally:
            task.cancel()
            await asyncio.wait((task,))
            await client.close()


async def test_an_object_that_somebody_made_in_the_same_moment_is_ours_too(tmp_path: Path) -> None:
    answers = Answers(("PATCH", 404), ("POST", 409))
    with capture_logs() as logged:
        async with reporting(answers, tmp_path):
            await eventually(lambda: answers.asked == ["PATCH", "POST", "PATCH"])
    assert [each["event"] for each in logged] == ["runtime_registered"]


async def test_an_object_that_cannot_be_made_or_written_is_tried_again(tmp_path: Path) -> None:
    answers = Answers(("PATCH", 403), ("PATCH", 404), ("POST", 403))
    async with reporting(answers, tmp_path) as (report, _):
        await eventually(lambda: report.failures == 2)
        await eventually(lambda: answers.asked == ["PATCH", "PATCH", "POST", "PATCH"])
        await eventually(lambda: report.failures == 0)


async def test_what_is_learned_while_a_report_is_written_goes_into_the_next(tmp_path: Path) -> None:
    answers = Answers()
    answers.may_answer.clear()
    async with reporting(answers, tmp_path) as (_, evidence):
        await eventually(lambda: answers.asked == ["PATCH"])
        evidence.token_rejected("default", datetime(2030, 1, 1, tzinfo=UTC))
        answers.may_answer.set()
        await eventually(lambda: answers.asked == ["PATCH"] * 2, within=0.9)


async def test_an_object_that_is_deleted_while_it_is_written_is_made_anew(tmp_path: Path) -> None:
    answers = Answers(("PATCH", 200), ("PATCH", 404), ("POST", 201))
    answers.may_answer.clear()
    async with reporting(answers, tmp_path) as (report, _):
        await eventually(lambda: answers.asked == ["PATCH"])
        report.deleted()
        answers.may_answer.set()
        await eventually(lambda: answers.asked == ["PATCH", "PATCH", "POST", "PATCH"])


async def test_what_changed_back_while_no_report_could_be_written_is_written_and_holds_up_nothing(
    tmp_path: Path,
) -> None:
    answers = Answers(("PATCH", 200), ("PATCH", 500))
    async with reporting(answers, tmp_path) as (report, evidence):
        await eventually(lambda: answers.asked == ["PATCH"])
        evidence.provider("default", "sendgrid", ProviderSeen(available=False), datetime.now(UTC))
        await eventually(lambda: report.failures == 1)
        evidence.provider_gone("default", "sendgrid")
        await eventually(lambda: answers.asked == ["PATCH"] * 3)
        await eventually(lambda: report.failures == 0)


@pytest.mark.parametrize("rounds", range(4))
async def test_a_report_ends_when_told_to_though_something_is_learned_in_that_moment(
    tmp_path: Path, rounds: int
) -> None:
    answers = Answers()
    async with listening(answers) as url:
        client, evidence = connect(kubeconfig_to(url, tmp_path), "sales"), Evidence()
        facts = Facts(evidence, RuntimeStatus(), Standstill(), sessions=lambda: 0)
        report = Report(client, Identity("r", pod_uid="1"), facts)
        task = asyncio.create_task(report.run())
        await eventually(lambda: answers.asked == ["PATCH"])
        await rest(0.1)  # it waits for news now
        evidence.provider("default", "sendgrid", ProviderSeen(available=True), datetime.now(UTC))
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait((task,), timeout=3)
        assert done
        await client.close()


async def test_what_is_no_news_is_not_written(tmp_path: Path) -> None:
    answers = Answers()
    async with reporting(answers, tmp_path) as (report, evidence):
        await eventually(lambda: answers.asked == ["PATCH"])
        report.changed()
        await rest(1.3)  # longer than there is between two reports
        assert answers.asked == ["PATCH"]
        evidence.provider("default", "sendgrid", ProviderSeen(available=True), datetime.now(UTC))
        await eventually(lambda: answers.asked == ["PATCH"] * 2)
