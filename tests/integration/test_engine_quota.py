"""The engine and the quota: its own share, and what 429 says of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from pipewise_runtime.clock import Clock
from support.engine import MAIL, READ, SEND, USER, Rig, binding, problem, running_engine
from support.eventually import eventually
from support.sandbox import sandbox

NAME = "coordinator-user-42"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with sandbox() as upstream, running_engine(upstream) as running:
        yield running


async def test_our_own_share_of_the_quota_is_kept_to(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.share("default", 3, 60.0)
    results = [await rig.send() for _ in range(5)]
    refused = [problem(result) for result in results[3:]]
    assert [result.get("isError", False) for result in results[:3]] == [False] * 3
    assert {each["reason"] for each in refused} == {"QuotaExhausted"}
    assert {each["attempts"] for each in refused} == {0}
    assert await rig.sent() == 3
    rig.engine.share("default", 10, 60.0)
    assert not (await rig.send()).get("isError")


async def test_an_answer_sent_before_a_429_does_not_hide_it(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("delay", tool=READ, seconds=0.4)
    reading = asyncio.create_task(rig.read())
    await eventually(lambda: rig.metric("upstream_requests") == 1)
    await rig.sandbox.admin.fault("quota", tool=SEND, retryAfter=60, times=1)
    assert problem(await rig.send())["reason"] == "QuotaExhausted"
    assert not (await reading).get("isError")
    assert rig.evidence.projects()[0].quota_exhausted_until is not None
    assert rig.metric("quota_exhausted", project="default") == 1


async def test_a_429_without_retry_after_is_retried_on_the_usual_schedule(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("quota", waitHeaders=[], times=2)
    assert not (await rig.send()).get("isError")
    assert await rig.sent() == 1
    assert rig.metric("retries_total", app="sendgrid", reason="quota") == 2


async def test_a_429_that_names_the_reset_of_the_limit_only_is_obeyed(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("quota", waitHeaders=["X-RateLimit-Reset"], retryAfter=60, times=1)
    assert 55 < problem(await rig.send())["retryAfterSeconds"] <= 60


@pytest.mark.parametrize("after", [253402300799, 253402300799000, 1e200])
async def test_a_429_until_the_end_of_days_refuses_nobody_else(rig: Rig, after: float) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("quota", retryAfter=after, times=1)
    assert not (await rig.send()).get("isError")
    assert not (await rig.send()).get("isError")


async def test_a_429_until_a_moment_in_milliseconds_holds_until_then(rig: Rig) -> None:
    await rig.serve(binding())
    await rig.sandbox.admin.fault("quota", retryAfter=int((time.time() + 60) * 1000), times=1)
    assert 50 < problem(await rig.send())["retryAfterSeconds"] <= 60


async def test_a_greedy_user_leaves_another_its_part_of_the_share() -> None:
    ahead_seconds = 0.0
    clock = Clock(monotonic=lambda: time.monotonic() + ahead_seconds)
    async with sandbox() as upstream, running_engine(upstream, clock) as rig:
        await rig.serve(binding())
        await rig.serve(binding(name="coordinator-late", user="late"))
        rig.engine.share("default", 4, 60.0)
        assert [await _runs(rig, USER) for _ in range(5)] == [True] * 4 + [False]
        assert [await _runs(rig, "late") for _ in range(3)] == [False] * 3
        ahead_seconds = 60.0
        assert [await _runs(rig, USER) for _ in range(3)] == [True, True, False]
        assert [await _runs(rig, "late") for _ in range(3)] == [True, True, False]
        sent = await rig.sandbox.admin.ledger(tool=SEND, effect="true")
    assert [entry["user"] for entry in sent] == [USER] * 6 + ["late"] * 2


async def test_runs_asked_for_are_reported_those_refused_included_and_forgotten_in_time() -> None:
    ahead_seconds, told, noon = 0.0, list[bool](), datetime(2026, 11, 23, 12, tzinfo=UTC)
    clock = Clock(monotonic=lambda: time.monotonic() + ahead_seconds, wall=lambda: noon)
    async with sandbox() as upstream, running_engine(upstream, clock) as rig:
        await rig.serve(binding())
        rig.engine.share("default", 1, 60.0)
        rig.evidence.on_change = told.append
        ran = [await _runs(rig, USER) for _ in range(17)]
        assert ran == [True] + [False] * 16
        assert [each.runs_wanted for each in rig.evidence.projects()] == [32]
        assert rig.evidence.projects()[0].quota_exhausted_until is None
        ahead_seconds = 90.0
        assert [each.runs_wanted for each in rig.evidence.projects()] == [0]
    assert len(told) == 3 + 2, "three demands, and once that share and call are out of runs"


async def test_a_call_refused_for_want_of_our_own_runs_is_reported_with_its_end() -> None:
    ahead_seconds = 0.0
    clock = Clock(
        monotonic=lambda: time.monotonic() + ahead_seconds,
        wall=lambda: datetime.now(UTC) + timedelta(seconds=ahead_seconds),
    )
    async with sandbox() as upstream, running_engine(upstream, clock) as rig:
        await rig.serve(binding())
        rig.engine.share("default", 1, 60.0)
        assert [await _runs(rig, USER) for _ in range(3)] == [True, False, False]
        (met,), (project,) = rig.evidence.exceptions(), rig.evidence.projects()
        assert (met.binding, met.service, met.verdict) == (NAME, "sendgrid", "QuotaExhausted")
        assert met.until is not None
        assert timedelta(seconds=55) < met.until - clock.wall() < timedelta(seconds=91)
        assert project.share_used_until == met.until
        rig.engine.share("default", 1, 60.0)
        assert rig.evidence.projects() == [project], "the same share, told again, changes nothing"
        assert project.quota_exhausted_until is None
        ahead_seconds = 91.0
        assert rig.evidence.projects()[0].share_used_until is None
        assert rig.evidence.exceptions() == []


async def test_an_answer_between_two_refusals_does_not_hide_them_and_a_larger_share_ends_them() -> None:
    ahead_seconds = 0.0
    clock = Clock(monotonic=lambda: time.monotonic() + ahead_seconds)
    async with sandbox() as upstream, running_engine(upstream, clock) as rig:
        await rig.serve(binding())
        rig.engine.share("default", 1, 60.0)
        assert [await _runs(rig, USER) for _ in range(3)] == [True, False, False]
        ahead_seconds = 60.0
        assert await _runs(rig, USER)
        assert [each.verdict for each in rig.evidence.exceptions()] == ["QuotaExhausted"]
        rig.engine.share("default", 10, 60.0)
        assert rig.evidence.projects()[0].share_used_until is None
        assert await _runs(rig, USER)
        assert rig.evidence.exceptions() == []


async def test_a_moment_that_pipedream_named_to_another_runtime_is_waited_for() -> None:
    ahead_seconds = 0.0
    clock = Clock(
        monotonic=lambda: time.monotonic() + ahead_seconds,
        wall=lambda: datetime.now(UTC) + timedelta(seconds=ahead_seconds),
    )
    async with sandbox() as upstream, running_engine(upstream, clock) as rig:
        await rig.serve(binding())
        named = clock.wall() + timedelta(seconds=60)
        rig.engine.hold_off("default", named)
        assert not await _runs(rig, USER)
        assert (await rig.sent(), rig.evidence.exceptions()) == (0, [])
        assert rig.metric("quota_exhausted", project="default") == 1
        ahead_seconds = 61.0
        rig.engine.hold_off("default", named)
        assert await _runs(rig, USER)


async def test_runs_of_an_earlier_process_count_and_are_reported(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.ran_before("default", 2, datetime.now(UTC) - timedelta(seconds=20))
    rig.engine.share("default", 3, 60.0)
    assert await _runs(rig, USER)
    result = await rig.send()
    assert 30 < problem(result)["retryAfterSeconds"] <= 40
    (project,) = rig.evidence.projects()
    assert (project.runs_allowed, project.runs_used) == (3, 3)


async def test_what_pipedream_refuses_is_the_projects_trouble_and_nobodys_own(rig: Rig) -> None:
    await rig.serve(binding())
    rig.engine.share("default", 5, 60.0)
    await rig.sandbox.admin.fault("quota", retryAfter=60, times=1)
    assert [await _runs(rig, USER) for _ in range(2)] == [False, False]
    assert rig.evidence.exceptions() == []
    (project,) = rig.evidence.projects()
    assert project.share_used_until is None
    assert project.quota_exhausted_until is not None


async def _runs(rig: Rig, user: str) -> bool:
    """Whether a call of the user runs; if not, because there are no runs left for it."""
    result = await rig.call(SEND, MAIL, user)
    if result.get("isError"):
        assert problem(result)["reason"] == "QuotaExhausted"
    return not result.get("isError")
