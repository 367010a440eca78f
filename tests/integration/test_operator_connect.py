"""What the operator makes of Pipedream's answers that are none."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from pipewise_operator.connect import Pipedream
from pipewise_operator.failures import PipedreamError, PipedreamUnavailableError, ProjectRefusedError
from support.listening import listening
from support.observing import project

SOON = b"600 s from now"
"""Stands for that moment in seconds since 1970, reckoned when the answer is sent."""
LONG_AGO = b"1000"
MILLISECONDS = b"1800000000000"


async def met(status: int, *headers: tuple[bytes, bytes]) -> PipedreamError:
    """What a listing of accounts raises when it is answered so."""

    async def answering(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401, ARG001 - ASGI
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b"{}"})

    pipedream = Pipedream()
    async with listening(answering) as url:
        with pytest.raises(PipedreamError) as error:
            await pipedream.accounts(project(endpoints={"api": url, "mcp": url}), "t0ken")
    await pipedream.close()
    return error.value


@pytest.mark.parametrize("status", [400, 403, 422])
async def test_an_answer_that_refuses_the_project_is_told_from_an_outage(status: int) -> None:
    error = await met(status)
    assert isinstance(error, ProjectRefusedError)
    assert f"HTTP {status}" in str(error)


WAITS: Sequence[tuple[int, Sequence[tuple[bytes, bytes]], float | None]] = [
    (429, [], None),
    (429, [(b"retry-after", b"700")], 700),
    (429, [(b"x-ratelimit-reset", SOON)], 600),
    (429, [(b"retry-after", b"7"), (b"x-ratelimit-reset", SOON)], 7),
    (429, [(b"x-ratelimit-reset", LONG_AGO)], 0),
    (429, [(b"x-ratelimit-reset", MILLISECONDS)], 3600),
    (429, [(b"retry-after", b"9" * 30)], 3600),
    (429, [(b"x-ratelimit-reset", b"\xb2")], None),
    (503, [(b"x-ratelimit-reset", SOON)], None),
    (503, [(b"retry-after", b"7")], 7),
    (404, [], None),
    (408, [], None),
]


@pytest.mark.parametrize(("status", "headers", "seconds"), WAITS)
async def test_pipedream_is_left_alone_for_as_long_as_it_asks(
    status: int, headers: Sequence[tuple[bytes, bytes]], seconds: float | None
) -> None:
    soon = str(int(datetime.now(UTC).timestamp()) + 600).encode()
    error = await met(status, *((name, soon if value == SOON else value) for name, value in headers))
    assert isinstance(error, PipedreamUnavailableError)
    found = error.retry_after_seconds
    if seconds is None or found is None:
        assert found is seconds
    else:
        # Somewhat less: the machine may have been slow since `soon` was reckoned.
        assert max(seconds - 60, 0) <= found <= seconds
