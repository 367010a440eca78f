"""The sandbox's pure heart: light to import, faithful in form, truthful about what ran."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from pipewise_sandbox.backend import Backend, Call, Run
from pipewise_sandbox.catalog import Tool, apps

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOOLS = [tool for app in apps().values() for tool in app.tools.values()]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.one_of(st.text(max_size=8), st.sampled_from(["a@b.c", "[]", "SELECT Id FROM Lead", "1"])),
    "integer": st.integers(0, 50),
    "boolean": st.booleans(),
    "object": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
    "string[]": st.lists(st.text(max_size=4), max_size=2),
    "integer[]": st.lists(st.integers(), max_size=2),
}
LIGHT = """
import sys, time
from pipewise_sandbox.backend import Backend
start = time.perf_counter()
Backend()
took = time.perf_counter() - start
heavy = {"starlette", "uvicorn", "asyncio", "pydantic", "httpx2", "socket"} & set(sys.modules)
print(sorted(heavy), took < 0.03)
"""


@st.composite
def calls(draw: st.DrawFn) -> Call:
    tool = draw(st.sampled_from(TOOLS))
    arguments = {
        argument.name: draw(st.sampled_from(argument.options) if argument.options else VALUES[argument.kind])
        for argument in tool.arguments.values()
        if not argument.optional or draw(st.booleans())
    }
    return Call("ada", tool.app, tool.key, arguments, NOW)


def text_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result["content"][0]["text"])
    return found


@settings(deadline=None)
@given(st.lists(calls(), max_size=12))
def test_any_history_of_calls_is_answered_in_form_and_repeats_itself(history: list[Call]) -> None:
    first, second = Backend(), Backend()
    for call in history:
        run = first.run(call)
        assert run.result == second.call(call)
        assert run.result["_meta"]["requestId"]
        if run.executed:
            assert set(text_of(run)) == {"exports", "os", "ret"}
            assert text_of(run)["exports"]["$summary"]
            assert run.result["isError"] is False
        else:
            assert run.result["isError"] or text_of(run)["os"][0]["err"]["message"]
            assert run.mails == ()


@settings(deadline=None)
@given(st.lists(calls(), max_size=12))
def test_reading_changes_nothing(history: list[Call]) -> None:
    reading = {tool.key for tool in TOOLS if tool.reads}
    backend, probe = Backend(), Call("ada", "pipedrive", "pipedrive-list-persons", {}, NOW)
    for call in history:
        backend.run(call)
    before = text_of(backend.run(probe))
    for call in [call for call in history if call.tool in reading]:
        assert backend.run(call).effect is False
    assert text_of(backend.run(probe)) == before


def test_importing_and_constructing_it_loads_no_server_and_takes_no_time() -> None:
    runtime = str(Path(__file__).parents[3] / "runtime")
    told = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, env={"PYTHONPATH": runtime}
    )
    assert told.stdout.strip() == "[] True"


def test_an_unknown_app_has_no_tools_and_an_unknown_tool_is_an_error_result() -> None:
    backend = Backend()
    assert backend.tools("myspace") == []
    assert backend.call(Call("ada", "myspace", "myspace-poke", {}, NOW))["isError"] is True


def test_accounts_and_users_do_not_see_each_other_s_records() -> None:
    backend = Backend()
    backend.call(Call("ada", "pipedrive", "pipedrive-add-person", {"name": "Grace"}, NOW, account="apn_1"))
    search = {"term": "Grace"}

    def found(user: str, account: str | None) -> int:
        call = Call(user, "pipedrive", "pipedrive-search-persons", search, NOW, account)
        return len(text_of(backend.run(call))["ret"]["data"]["items"])

    assert [found("ada", "apn_1"), found("ada", "apn_2"), found("ada", None), found("bob", None)] == [
        1,
        0,
        0,
        0,
    ]


def test_every_tool_of_an_app_is_served_with_its_annotations() -> None:
    served = {tool["name"]: tool for tool in Backend().tools("twitter")}
    expected: list[Tool] = [tool for tool in TOOLS if tool.app == "twitter"]
    assert set(served) == {tool.key for tool in expected}
    assert served["twitter-get-tweet"]["annotations"]["readOnlyHint"] is True
    assert served["twitter-create-tweet"]["annotations"]["readOnlyHint"] is False
