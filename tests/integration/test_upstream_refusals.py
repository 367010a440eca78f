"""The statuses 400 and 404: the answer, a session that was lost, or a request that is not taken."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipewise_runtime.ports import UpstreamFaultError
from support.engine import binding, problem
from support.hostile import Exchange
from support.probed import Probed, probed

CALL = "sendgrid-x"
WRITE: dict[str, Any] = {"name": CALL}
READ: dict[str, Any] = {"name": CALL, "annotations": {"readOnlyHint": True}}
SESSION_WORDS = ("Bad Request: No valid session ID provided", "Session not found", "Session terminated")

Refusal = Callable[[Exchange], None]


def an_error(status: int, code: int, message: str, **identity: Any) -> Refusal:  # noqa: ANN401 - JSON
    """Refuse with a JSON-RPC error; it answers the request unless another id is given."""

    def refuse(exchange: Exchange) -> None:
        said = {"jsonrpc": "2.0", "id": exchange.identity, **identity}
        body = json.dumps({**said, "error": {"code": code, "message": message}})
        exchange.refuse(status, body.encode(), b"application/json")

    return refuse


def words(status: int, body: bytes) -> Refusal:
    """Refuse in plain words."""
    return lambda exchange: exchange.refuse(status, body)


class Refusing:
    """An upstream that lists its tools, refuses the first call and takes the others."""

    def __init__(self, refuse: Refusal, tool: dict[str, Any] = WRITE) -> None:
        self.refuse, self.tool = refuse, tool
        self.calls = 0

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.method == "tools/list":
            exchange.write_result(tools=[self.tool])
            return
        self.calls += 1
        if self.calls == 1:
            self.refuse(exchange)
        else:
            exchange.write_json(exchange.answer())


def openings(rig: Probed) -> int:
    """How many sessions were opened."""
    return rig.upstream.seen.count("initialize")


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    ("code", "message"),
    [(-32602, "Invalid arguments"), (-32000, "no such list"), (-32602, "session: too long")],
)
async def test_an_error_that_answers_a_write_is_passed_on_and_the_write_not_sent_again(
    status: int, code: int, message: str
) -> None:
    app = Refusing(an_error(status, code, message))
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        with pytest.raises(UpstreamFaultError) as told:
            await rig.call(CALL)
        assert json.loads(told.value.error) == {"code": code, "message": message}
        assert (app.calls, openings(rig)) == (1, 1)


@pytest.mark.parametrize(
    "lost",
    [
        words(404, b""),
        words(404, b"<p>nothing here</p>"),
        words(400, b"Invalid or missing session ID"),
        an_error(404, -32600, "Session not found", id=None),
        an_error(404, -32600, "Session not found", id="server-error"),
        *(an_error(400, code, text) for code in (-32000, -32001, -32600) for text in SESSION_WORDS),
        an_error(400, -32000, "Bad Request: No valid session ID provided", id=None),
    ],
)
async def test_a_session_that_was_not_found_is_opened_anew_and_the_write_sent_again(lost: Refusal) -> None:
    app = Refusing(lost)
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        assert (await rig.call(CALL))["content"]
        assert (app.calls, openings(rig)) == (2, 2)


UNCLEAR = [words(400, b""), words(400, b"Bad Request"), an_error(400, -32700, "?", id=None)]


@pytest.mark.parametrize("unclear", UNCLEAR)
async def test_where_it_is_not_clear_what_was_refused_a_write_is_not_sent_again_but_the_next_call_opens_anew(
    unclear: Refusal,
) -> None:
    app = Refusing(unclear)
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        assert problem(await rig.call(CALL))["outcome"] == "not_run"
        assert (app.calls, openings(rig)) == (1, 1)
        assert (await rig.call(CALL))["content"]
        assert (app.calls, openings(rig)) == (2, 2)


@pytest.mark.parametrize("unclear", UNCLEAR)
async def test_where_it_is_not_clear_what_was_refused_a_read_is_sent_again_in_a_new_session(
    unclear: Refusal,
) -> None:
    app = Refusing(unclear, READ)
    async with probed(app) as rig:
        await rig.engine.tools(binding())
        assert (await rig.call(CALL))["content"]
        assert (app.calls, openings(rig)) == (2, 2)
