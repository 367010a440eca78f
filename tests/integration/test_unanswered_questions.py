"""An upstream of 2026-07-28 asks older callers, who say nothing: the call ends all the same."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipewise_runtime.core.eras import PLAIN
from pipewise_runtime.ports import Caller, Said, UnknownToolError
from support.engine import binding, problem, service
from support.eventually import eventually
from support.hostile import Exchange
from support.probed import Probed, probed

TOOL = "sendgrid-x"
WRITE: dict[str, Any] = {"name": TOOL}
READ: dict[str, Any] = {"name": TOOL, "annotations": {"readOnlyHint": True}}
REFUSED = {"error": {"code": -32600, "message": "initialize? never heard of it"}}
QUESTION = {"sure": {"method": "elicitation/create", "params": {"message": "Sure?"}}}
HURRIED = replace(service(), timeout_seconds=1.5)


@dataclass
class Wanting:
    """An upstream of 2026-07-28 that asks for input in place of an answer, each time."""

    tool: dict[str, Any]
    calls: int = 0
    on_call: Callable[[], None] | None = None

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.method == "server/discover":
            exchange.write_result(supportedVersions=["2026-07-28"], capabilities={})
        elif exchange.method == "tools/list":
            exchange.write_result(tools=[self.tool])
        else:
            self.calls += 1
            if self.on_call:
                self.on_call()
            exchange.write_result(resultType="input_required", inputRequests=QUESTION)


class Person:
    """Somebody who is asked, and answers at once or never."""

    def __init__(self, answers: int = 0) -> None:
        self.answers, self.asked, self.left = answers, 0, 0

    async def __call__(self, _method: str, _params: bytes) -> Said:
        """Answer so many questions; the others, never."""
        self.asked += 1
        if self.asked > self.answers:
            try:
                await asyncio.Event().wait()
            finally:
                self.left += 1
        return Said(b'{"action":"accept"}')


async def called(rig: Probed, person: Person) -> dict[str, Any]:
    """The decoded result of a call by an older caller."""
    rig.upstream.opening = REFUSED
    await eventually(lambda: "tools/list" in rig.upstream.seen)
    await rig.engine.tools(binding())
    rig.engine.serve(binding(HURRIED))
    said = rig.engine.call(
        binding(HURRIED), b'{"name":"%b"}' % TOOL.encode(), Caller(_unheard, person, PLAIN)
    )
    result: dict[str, Any] = json.loads(await asyncio.wait_for(said, 20))
    return result


def _unheard(_notification: bytes) -> None:
    """Hear nothing."""


@pytest.mark.parametrize(("tool", "outcome"), [(WRITE, "unknown"), (READ, "failed")])
@pytest.mark.parametrize("answers", [0, 2])
async def test_a_question_that_nobody_answers_ends_the_call(
    tool: dict[str, Any], outcome: str, answers: int
) -> None:
    app, person = Wanting(tool), Person(answers)
    with capture_logs() as logged:
        async with probed(app) as rig:
            told = problem(await called(rig, person))
    assert (told["service"], told["outcome"], told["attempts"]) == ("sendgrid", outcome, answers + 1)
    assert (app.calls, person.asked, person.left) == (answers + 1, answers + 1, 1)
    assert "questions_unanswered" in {each["event"] for each in logged}
    assert "Sure?" not in json.dumps(logged, default=str)


async def test_a_service_that_is_gone_by_the_time_it_asks_asks_nobody() -> None:
    app, person = Wanting(WRITE), Person()
    async with probed(app) as rig:
        app.on_call = lambda: rig.engine.drop(binding().name)
        with pytest.raises(UnknownToolError):
            await called(rig, person)
    assert (app.calls, person.asked) == (1, 0)
