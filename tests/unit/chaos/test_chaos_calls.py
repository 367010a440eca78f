"""Reading the runtime's replies in the chaos test."""

import json
from typing import Any

import pytest

from chaos.calls import Answer, Cancelled, Failed, NotServed, Odd, Succeeded, ToolFailed, read, word_for

PROBLEM = {"service": "sendgrid", "reason": "QuotaExhausted", "outcome": "not_run", "attempts": 2}
SAID = {"content": [{"type": "text", "text": "no"}], "isError": True}


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"result": {"content": []}}, Succeeded()),
        ({"result": SAID | {"structuredContent": PROBLEM}}, Failed("not_run", "QuotaExhausted", 2)),
        ({"result": SAID}, ToolFailed(str(SAID["content"]))),
        ({"error": {"code": -32010, "message": "no binding"}}, NotServed(-32010, "no binding")),
        ({"error": {"code": -32602, "message": "Unknown tool: x"}}, NotServed(-32602, "Unknown tool: x")),
        ({"error": {"code": -32603, "message": "injected"}}, ToolFailed("injected")),
        ({"error": {"code": -32603, "message": "oops"}}, Odd("error -32603: oops")),
        ({"error": {"code": -32800, "message": "request cancelled"}}, Cancelled()),
        (
            {"result": {"content": [], "_meta": {"pipewise/demo": True}}},
            Odd("a demo result although demo is Never"),
        ),
    ],
)
def test_each_kind_of_reply_is_told_from_the_others(message: dict[str, Any], answer: Answer) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": "m"} | message).encode()
    assert read(200, body) == answer
    assert read(200, b'event: message\ndata: {"method": "x"}\n\ndata: ' + body + b"\n\n") == answer


def test_what_is_no_reply_at_all_makes_no_sense() -> None:
    assert isinstance(read(502, b"<html>"), Odd)
    assert isinstance(read(200, b'["a"]'), Odd)
    assert isinstance(read(200, b'{"jsonrpc": "2.0"}'), Odd)


def test_failures_are_counted_by_their_outcome() -> None:
    assert word_for(Failed("unknown", "x", 1)) == "unknown"
    assert word_for(NotServed(1, "x")) == "notserved"
