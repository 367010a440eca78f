"""Argument checking says what a JSON schema validator says of the served schema."""

from typing import Any

import hypothesis.strategies as st
import jsonschema
import pytest
from hypothesis import given, settings

from pipewise_sandbox.catalog import Tool, apps, tool_of
from pipewise_sandbox.schema import problems

TOOLS = [tool for app in apps().values() for tool in app.tools.values()]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.text(max_size=3),
    st.lists(st.text(max_size=3), max_size=2),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=1),
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[Tool, dict[str, Any]]:
    tool = draw(st.sampled_from(TOOLS))
    names = st.sampled_from([*tool.arguments, "colour"])
    return tool, draw(st.dictionaries(names, VALUES, max_size=6))


@settings(deadline=None)
@given(calls())
def test_whatever_we_let_pass_the_served_schema_lets_pass_but_for_bounds(
    call: tuple[Tool, dict[str, Any]],
) -> None:
    tool, arguments = call
    schema = tool.definition["inputSchema"]
    broken = {
        error.validator for error in jsonschema.Draft7Validator(without_bounds(schema)).iter_errors(arguments)
    }
    assert bool(problems(tool.arguments, arguments)) == bool(broken)


def without_bounds(schema: Any) -> Any:  # noqa: ANN401 - a JSON schema
    if isinstance(schema, dict):
        return {
            key: without_bounds(value) for key, value in schema.items() if key not in {"minimum", "maximum"}
        }
    return [without_bounds(value) for value in schema] if isinstance(schema, list) else schema


def test_an_optional_argument_is_served_as_optional_and_nullable() -> None:
    tool = tool_of("sendgrid", "sendgrid-search-contacts")
    assert tool is not None
    assert tool.definition["inputSchema"]["properties"]["query"] == {
        "anyOf": [{"anyOf": [{"not": {}}, {"type": "string"}]}, {"type": "null"}],
        "description": "Query",
    }
    assert tool.definition["inputSchema"]["required"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Required"),
        ({"eventUuid": 7}, "Expected string, received integer"),
        ({"eventUuid": "x", "when": "now"}, "Unrecognized key(s) in object: 'when'"),
    ],
)
def test_what_is_wrong_is_said_in_the_validator_s_words(arguments: dict[str, Any], said: str) -> None:
    tool = tool_of("calendly_v2", "calendly_v2-cancel-event")
    assert tool is not None
    assert [issue["message"] for issue in problems(tool.arguments, arguments)] == [said]


def test_the_catalogue_has_the_158_tools_of_seven_apps_with_names_models_can_use() -> None:
    assert len(apps()) == 7
    assert len({tool.key for tool in TOOLS}) == len(TOOLS) == 158
    assert all(tool.key.split("-", 1)[0] == tool.app and len(tool.key) <= 64 for tool in TOOLS)
    assert all("readOnlyHint" in tool.definition["annotations"] for tool in TOOLS)
