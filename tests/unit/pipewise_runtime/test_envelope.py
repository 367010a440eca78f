"""JSON-RPC envelopes of clients, over rubbish and over messages with something changed: read, or refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.server.envelope import (
    INVALID_REQUEST,
    PARSE_ERROR,
    EnvelopeError,
    Message,
    error_reply,
    is_batch,
    message_of,
    messages_of,
    result_reply,
)

MESSAGES = [
    b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"\xc3\xb1","arguments":{}}}',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
    b'{"jsonrpc":"2.0","id":-1.5e3,"result":{}}',
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"error":{}}]',
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = dict.fromkeys(("jsonrpc", "id", "method", "params", "result", "error", "more"), JSON)
ENVELOPES = st.fixed_dictionaries({}, optional={**FIELDS, "jsonrpc": st.just("2.0") | JSON})
DEEP = st.builds(
    lambda begin, opening, depth: begin + opening * depth,
    st.sampled_from([b"", b'{"jsonrpc":"2.0","id":1,"params":', b'{"jsonrpc":"2.0","method":7,"id":']),
    st.sampled_from([b"[", b'{"a":', b'[{"id":']),
    st.integers(1, 100_000),
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A message with a piece of it replaced by anything."""
    message = draw(st.sampled_from(MESSAGES))
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(message))] * 2)))
    return message[:begin] + draw(st.binary(max_size=6)) + message[end:]


BODIES = (
    st.binary(max_size=80)
    | changed()
    | DEEP
    | (ENVELOPES | st.lists(ENVELOPES, max_size=3)).map(lambda made: json.dumps(made).encode())
)


@given(BODIES)
def test_whatever_comes_is_read_or_refused_and_can_be_answered(body: bytes) -> None:
    match _read(body):
        case EnvelopeError() as refusal:
            assert refusal.code in {PARSE_ERROR, INVALID_REQUEST}
            said = _id_in(error_reply(refusal.id, refusal.code, str(refusal)))
            assert said is None or refusal.id in body
        case messages:
            for message in messages:
                _expect_as_mcp_allows(message)


def _read(body: bytes) -> list[Message] | EnvelopeError:
    try:
        return [message_of(part) for part in (messages_of(body) if is_batch(body) else [body])]
    except EnvelopeError as error:
        return error


def _expect_as_mcp_allows(message: Message) -> None:
    assert message.jsonrpc == "2.0"
    identity, params = bytes(message.id), bytes(message.params)
    if identity:
        assert isinstance(_id_in(result_reply(identity, b"{}")), str | int | float)
    if message.method:
        assert not params or isinstance(json.loads(params), dict)
    else:
        assert identity
        assert bool(bytes(message.result)) != bool(bytes(message.error))


def _id_in(reply: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(reply)["id"]


@pytest.mark.parametrize("message", MESSAGES[:3])
def test_what_is_as_it_should_be_is_read(message: bytes) -> None:
    assert message_of(message).jsonrpc == "2.0"
