"""JSON-RPC envelopes, and finding the answer among what an upstream sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.retry import (
    FateUnknown,
    Forbidden,
    Happened,
    Refused,
    SessionLost,
    Throttled,
    TokenRejected,
)
from pipewise_runtime.upstream.answer import HappenedError, Reader
from pipewise_runtime.upstream.reply import Reply
from pipewise_runtime.upstream.rpc import NotJsonRpcError, message, messages, notification, request

JSON = {b"content-type": b"application/json; charset=utf-8"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def answered(body: bytes, identity: bytes = b"7") -> bytes:
    reader = Reader(identity, None)
    return bytes(reader.answer_in(Reply(200, JSON, body), has_session=True).result)


def happened(reply: Reply, *, has_session: bool = True) -> Happened:
    with pytest.raises(HappenedError) as caught:
        Reader(b"7", None).answer_in(reply, has_session=has_session)
    return caught.value.happened


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.booleans())
def test_a_result_passes_byte_for_byte(result: dict[str, object], ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    try:
        encoded = json.dumps(result, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return  # lone surrogates have no UTF-8
    assert answered(b'{"jsonrpc":"2.0","id":7,"result":%b}' % encoded) == encoded


@given(VALUES)
def test_requests_and_notifications_are_json_with_their_parameters(params: object) -> None:
    encoded = json.dumps(params).encode()
    assert json.loads(request(3, "tools/call", encoded)) == {
        "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params,
    }  # fmt: skip
    assert json.loads(notification("x/y", encoded)) == {"jsonrpc": "2.0", "method": "x/y", "params": params}


NO_ANSWERS = [
    b"",
    b"nonsense",
    b"\xff",
    b"{}",
    b"[]",
    b"[1,",
    b"5",
    b'{"id":8,"result":{}}',
    b'{"id":"7","result":{}}',
    b'{"id":7}',
    b'{"id":7,"result":null}',
    b'{"id":7,"result":5}',
    b'{"id":7,"result":[]}',
    b'{"id":7,"error":"no"}',
    b'{"id":7,"result":{},"error":{}}',
    b'{"id":7,"result":{"text":"\xff"}}',
    b'{"id":7,"result":{}',
    b'{"id":7,"method":"sampling/createMessage"}',
    b'{"id":7,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", NO_ANSWERS, ids=lambda body: body[:30].decode("latin-1"))
def test_what_is_no_answer_leaves_the_fate_unknown(body: bytes) -> None:
    assert isinstance(happened(Reply(200, JSON, body)), FateUnknown)


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    assert isinstance(happened(Reply(200, JSON, body)), FateUnknown)


def test_a_null_beside_the_answer_does_not_count() -> None:
    assert answered(b'{"id":7,"result":{"a":1},"error":null}') == b'{"a":1}'


def test_the_answer_is_found_in_a_batch() -> None:
    assert answered(b' [{"method":"x"},{"id":6,"result":{}},{"id":7,"result":{"a":1}}]') == b'{"a":1}'


def test_the_first_answer_counts_whatever_follows() -> None:
    reader = Reader(b"7", None)
    assert reader.take(b'{"id":7,"result":{"first":1}}')
    assert not reader.take(b'{"id":7,"result":{"second":1}}')
    assert not reader.take(b"nonsense")
    found = reader.answer_in(Reply(200, {b"content-type": b"text/event-stream"}, b""), has_session=True)
    assert bytes(found.result) == b'{"first":1}'


def test_only_notifications_before_the_answer_are_handed_on_and_requests_are_not() -> None:
    seen: list[bytes] = []
    reader = Reader(b"7", seen.append)
    assert not reader.take(b"")
    assert not reader.take(b'{"method":"notifications/progress"}')
    assert not reader.take(b'{"id":1,"method":"sampling/createMessage"}')
    assert reader.take(b'{"id":7,"error":{"code":1,"message":"no"}}')
    assert not reader.take(b'{"method":"notifications/message"}')
    assert seen == [b'{"method":"notifications/progress"}']


def test_an_event_that_is_not_json_rpc_ends_the_exchange() -> None:
    reader = Reader(b"7", None)
    assert reader.take(b"<html>")
    with pytest.raises(HappenedError):
        reader.answer_in(Reply(200, {b"content-type": b"text/event-stream"}, b""), has_session=True)


STATUSES: list[tuple[int, bool, Happened]] = [
    (401, True, TokenRejected()),
    (404, True, SessionLost()),
    (400, True, SessionLost(certain=False)),
    (404, False, Refused("the upstream answered with status 404")),
    (403, True, Forbidden("the upstream answered with status 403")),
    (422, True, Refused("the upstream answered with status 422")),
    (429, True, Throttled(3.0)),
    (500, True, FateUnknown("the upstream answered with status 500")),
    (202, True, FateUnknown("the upstream answered with status 202")),
    (302, True, FateUnknown("the upstream answered with status 302")),
]


@pytest.mark.parametrize(("status", "has_session", "meaning"), STATUSES)
def test_every_status_has_its_meaning(status: int, *, has_session: bool, meaning: Happened) -> None:
    assert happened(Reply(status, {b"retry-after": b"3"}, b""), has_session=has_session) == meaning


def test_a_content_type_made_up_by_the_upstream_is_not_repeated() -> None:
    met = happened(Reply(200, {b"content-type": b"secret" * 5000}, b""))
    assert isinstance(met, FateUnknown)
    assert "secret" not in met.cause


def test_messages_of_a_broken_batch_are_no_json_rpc() -> None:
    with pytest.raises(NotJsonRpcError):
        messages(b"[{]")
    with pytest.raises(NotJsonRpcError):
        message(b'{"id":1,"method":5}')
