"""Arguments that travel as headers: which, in what form, and when the two contradict each other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.param_headers import decoded, encoded, lines, mismatch, param_headers

STRING = {"type": "string", "x-mcp-header": "Region"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "region": STRING,
        "deep": {"type": "object", "properties": {"count": {"type": "integer", "x-mcp-header": "Count"}}},
        "plain": {"type": "string", "default": {"x-mcp-header": "not an annotation"}},
    },
}
HEADERS = param_headers(SCHEMA)
SCALARS = st.none() | st.text() | st.integers()


def test_annotated_properties_are_found_at_any_depth() -> None:
    assert {header.name: header.path for header in HEADERS} == {
        "mcp-param-region": ("region",),
        "mcp-param-count": ("deep", "count"),
    }


@pytest.mark.parametrize(
    "properties",
    [
        {"a": {"type": "number", "x-mcp-header": "A"}},
        {"a": {"type": "string", "x-mcp-header": "not a token"}},
        {"a": {"type": "string", "x-mcp-header": 7}},
        {"a": STRING, "b": {"type": "string", "x-mcp-header": "rEGION"}},
        {"a": STRING, "b": {"type": "array", "items": {"type": "string", "x-mcp-header": "B"}}},
        {"a": STRING, "b": {"anyOf": [{"type": "string", "x-mcp-header": "B"}]}},
    ],
)
def test_a_schema_with_a_wrong_annotation_has_no_headers(properties: dict[str, Any]) -> None:
    assert param_headers({"type": "object", "properties": properties}) == ()


@pytest.mark.parametrize("keyword", ["patternProperties", "$defs"])
def test_a_schema_with_annotations_where_no_argument_has_one_name_has_no_headers(keyword: str) -> None:
    assert param_headers({"type": "object", keyword: {"a": STRING}}) == ()


def test_what_is_no_schema_has_no_headers() -> None:
    assert param_headers(True) == ()  # noqa: FBT003 - a schema may be a truth value
    assert param_headers({"properties": {"a": True, "region": STRING}}) == param_headers(
        {"properties": {"region": STRING}}
    )


@given(st.text())
def test_every_text_travels(text: str) -> None:
    value = encoded(text)
    assert value.isascii()
    assert value.isprintable()
    assert decoded(value) == text


@pytest.mark.parametrize("value", ["=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?=", "=?base64?/w==?="])
def test_improper_base64_stands_for_nothing(value: str) -> None:
    assert decoded(value) is None


@given(SCALARS, SCALARS)
def test_what_we_send_is_what_we_would_take(region: object, count: object) -> None:
    arguments = {"region": region, "deep": {"count": count}}
    assert mismatch(HEADERS, arguments, lines(HEADERS, arguments)) == ""


@pytest.mark.parametrize(
    ("arguments", "received", "is_right"),
    [
        ({}, {}, True),
        ({"region": None}, {}, True),
        ({"region": "eu"}, {}, False),
        ({"region": "eu"}, {"mcp-param-region": "us"}, False),
        ({}, {"mcp-param-region": "eu"}, False),
        ({"region": ["eu"]}, {}, True),
        ({"region": ["eu"]}, {"mcp-param-region": "eu"}, False),
        ({"deep": {"count": 42}}, {"mcp-param-count": "42.0"}, True),
        ({"deep": {"count": 42}}, {"mcp-param-count": "42.5"}, False),
        ({"deep": 42}, {"mcp-param-count": "42"}, False),
        ({"region": "eu"}, {"mcp-param-region": "eu, eu"}, False),
        ({"region": "eu"}, {"mcp-param-region": "eu", "mcp-param-other": "x"}, True),
        ({"region": "eu"}, {"mcp-param-region": "=?base64?ZXU=?="}, True),
        ({"region": "eu"}, {"mcp-param-region": "=?base64?ZXU?="}, False),
        ({"deep": {"count": True}}, {"mcp-param-count": "true"}, True),
        ({"deep": {"count": True}}, {"mcp-param-count": "1"}, False),
    ],
)
def test_headers_must_say_what_the_arguments_say(
    arguments: dict[str, Any], received: dict[str, str], *, is_right: bool
) -> None:
    assert (mismatch(HEADERS, arguments, received) == "") is is_right
