"""Which results count as a tool's own error."""

import json
from typing import Any

import pytest

from pipewise_runtime.core.tool_errors import is_tool_error

OBSERVED = {"k": "error", "ts": 1, "err": {"name": "Error", "message": "no such list"}}


def ran(**run: Any) -> bytes:  # noqa: ANN401 - JSON
    """A result as Pipedream words it."""
    text = json.dumps({"exports": {}, **run}, indent=2)
    return json.dumps({"content": [{"type": "text", "text": text}], "isError": False}).encode()


@pytest.mark.parametrize(
    ("result", "is_error"),
    [
        (b'{"content":[]}', False),
        (b'{"content":[],"isError":false}', False),
        (b'{"content":[],"isError":true}', True),
        (b'{"content":[],"isError":"perhaps"}', True),
        (ran(os=[], ret={"id": 1}), False),
        (ran(os=[OBSERVED]), True),
        (ran(os=[OBSERVED]).replace(b', "isError": false', b""), True),
        (ran(os=[OBSERVED], ret={"id": 1}), False),
        (ran(os=[{"k": "log", "msg": 'about "err"'}]), False),
        (json.dumps({"content": [{"type": "text", "text": 'a text of "err"'}]}).encode(), False),
        (json.dumps({"content": [{"type": "image"}, {"text": '{"err": 1}'}]}).encode(), False),
    ],
)
def test_a_failure_is_known_by_its_mark_or_by_an_error_without_a_return_value(
    result: bytes, *, is_error: bool
) -> None:
    assert is_tool_error(result) is is_error
