"""The door to the API server's reviews when they cannot be had: said as such, soon, and without the token."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipewise_runtime.core.access import Account
from pipewise_runtime.permitting import AUDIENCE, ReviewsUnavailableError
from pipewise_runtime.sources.cluster import connect
from pipewise_runtime.sources.reviews import ApiReviews
from support.cluster import Namespace
from support.memory_reviews import ACCOUNT, token_of
from support.runtimes import kubeconfig_to

TOKEN = token_of()
GOOD = {"authenticated": True, "audiences": [AUDIENCE], "user": {"username": ACCOUNT.name}}
STATUS = b'{"kind":"Status","code":500,"message":"no","reason":"InternalError"}'
BROKEN = b"HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
BROKEN %= len(STATUS), STATUS
BLIND = {"authenticated": True, "user": {"username": ACCOUNT.name}}


@asynccontextmanager
async def reviewing(kubeconfig: Path, timeout_seconds: float = 5.0) -> AsyncIterator[ApiReviews]:
    client = connect(kubeconfig, "sales")
    try:
        yield ApiReviews(client, timeout_seconds)
    finally:
        await client.close()


@asynccontextmanager
async def answering(folder: Path, answers: Sequence[bytes | None]) -> AsyncIterator[Path]:
    """An API server that gives these answers, one a request; empty cuts the connection, None is silence."""
    left = list(answers)

    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer_one(reader, writer)
        finally:
            writer.close()
            over.set()

    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        reply = left.pop(0)
        if reply is None:
            await reader.read()
        elif reply.startswith(b"HTTP/"):
            writer.write(reply)
        elif reply:
            writer.write(b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(reply), reply))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield kubeconfig_to(f"http://{host}:{port}", folder)
        await over.wait()


def review(status: object) -> bytes:
    kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    return json.dumps({**kind, "metadata": {}, "status": status}).encode()


async def account_at(
    folder: Path, answers: Sequence[bytes | None], timeout_seconds: float = 5.0
) -> Account | None:
    async with answering(folder, answers) as path, reviewing(path, timeout_seconds) as reviews:
        return await reviews.account_of(TOKEN, AUDIENCE)


async def test_a_connection_that_turns_out_to_be_closed_is_no_reason_to_refuse(tmp_path: Path) -> None:
    found = await account_at(tmp_path, [b"", review(GOOD)])
    assert found == Account(ACCOUNT.name)


@pytest.mark.parametrize(
    "answers",
    [[b"", b""], [None], [b"not json"], [BROKEN]],
    ids=["cut twice", "silent", "not json", "broken"],
)
async def test_an_api_server_that_gives_no_answer_accepts_nobody_and_quotes_no_token(
    tmp_path: Path, answers: Sequence[bytes | None]
) -> None:
    with pytest.raises(ReviewsUnavailableError) as told:
        await account_at(tmp_path, answers, timeout_seconds=0.5)
    assert str(told.value)
    assert not [part for part in TOKEN.split(".") if part in str(told.value)]


@pytest.mark.parametrize("status", [BLIND, {"authenticated": False}, {}, {**GOOD, "audiences": ["other"]}])
async def test_who_is_not_vouched_for_by_name_and_audience_is_nobody(tmp_path: Path, status: object) -> None:
    assert await account_at(tmp_path, [review(status)]) is None


async def test_a_runtime_that_may_not_ask_says_what_it_lacks(namespace: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "config"
    own = namespace.service_account_token("runtime")
    path.write_text(namespace.cluster.plane.kubeconfig_text(own, namespace.name))
    async with reviewing(path) as reviews:
        for asking in (reviews.account_of(TOKEN, AUDIENCE), reviews.may_use(ACCOUNT, "one")):
            with pytest.raises(ReviewsUnavailableError, match="may not create tokenreviews"):
                await asking
