"""What changes in a message between the eras, and that nothing else does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.eras import (
    NOTHING,
    PLAIN,
    UNASKED,
    Era,
    Speaks,
    asks_for_input,
    can_be_asked,
    canonical,
    completed,
    translated,
    without_hops,
)

KEY = "io.modelcontextprotocol/"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
ENVELOPE: dict[str, Any] = {KEY + "protocolVersion": "2026-07-28", KEY + "clientCapabilities": {}}


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


@given(OBJECTS)
def test_between_equal_eras_params_are_the_same_bytes(params: dict[str, Any]) -> None:
    text = encoded(params)
    assert translated(text, PLAIN, Era.HANDSHAKE) is text
    assert translated(text, UNASKED, Era.MODERN) is text


@given(OBJECTS, OBJECTS)
def test_what_goes_up_to_the_other_era_and_comes_back_is_what_it_was(
    params: dict[str, Any], meta: dict[str, Any]
) -> None:
    said = {**params, "_meta": {**meta, "kept": 1}}
    up = translated(encoded(said), Speaks(capabilities=b'{"roots":{}}'), Era.MODERN)
    envelope = json.loads(up)["_meta"]
    assert envelope[KEY + "protocolVersion"] == "2026-07-28"
    assert envelope[KEY + "clientCapabilities"] == {"roots": {}}
    assert json.loads(translated(up, UNASKED, Era.HANDSHAKE)) == said


@given(OBJECTS)
def test_an_envelope_is_all_that_is_taken_away(fields: dict[str, Any]) -> None:
    assert json.loads(without_hops(encoded({**fields, "_meta": ENVELOPE}))) == {
        key: value for key, value in fields.items() if key != "_meta"
    }


def test_numbers_and_escapes_survive_as_they_were_written() -> None:
    meta = b'{"io.modelcontextprotocol/serverInfo":{},"n":1.00}'
    text = b'{"_meta":%b,"big":12345678901234567890.10,"e":"\\u00f1"}' % meta
    kept = without_hops(text)
    assert b"12345678901234567890.10" in kept
    assert b'"\\u00f1"' in kept
    assert b"1.00" in kept


def test_what_speaks_of_the_protocol_and_not_of_a_connection_is_kept_byte_for_byte() -> None:
    text = b'{ "_meta": {"io.modelcontextprotocol/related-task": {"taskId":"7"}} }'
    assert without_hops(text) is text


@pytest.mark.parametrize(
    "text", [b"{}", b'{"_meta":null,"a":"\\"io.modelcontextprotocol/x"}', b'{"_meta":[1]}']
)
def test_what_has_no_envelope_is_left_alone(text: bytes) -> None:
    assert without_hops(text) == text


@given(OBJECTS.filter(lambda fields: "resultType" not in fields))
def test_a_result_of_the_initialize_era_is_called_complete(result: dict[str, Any]) -> None:
    for text in (encoded(result), json.dumps(result).encode()):
        assert json.loads(completed(text)) == {**result, "resultType": "complete"}


def test_a_result_that_says_what_it_is_is_left_alone() -> None:
    text = b'{"resultType":"input_required","requestState":"x"}'
    assert completed(text) == text
    assert asks_for_input(text)
    nested = b'{"structuredContent":{"resultType":"input_required"}}'
    assert not asks_for_input(nested)
    assert json.loads(completed(nested))["resultType"] == "complete"


@pytest.mark.parametrize(
    ("declared", "kept"),
    [
        ("{}", "{}"),
        ('{"experimental":{"x":{}},"roots":{"listChanged":true}}', '{"roots":{}}'),
        ('{"elicitation":{"url":{},"form":{"x":1}}}', '{"elicitation":{"form":{},"url":{}}}'),
        ('{"sampling":null,"elicitation":{}}', '{"elicitation":{}}'),
    ],
)
def test_capabilities_are_spelled_in_one_way(declared: str, kept: str) -> None:
    assert canonical(declared.encode()).decode() == kept
    assert canonical(canonical(declared.encode())).decode() == kept


def test_a_client_is_asked_only_what_it_declared() -> None:
    assert can_be_asked(b'{"sampling":{}}', "sampling/createMessage")
    assert not can_be_asked(b'{"sampling":{}}', "elicitation/create")
    assert not can_be_asked(NOTHING, "roots/list")
    assert not can_be_asked(b'{"sampling":{}}', "tools/call")
