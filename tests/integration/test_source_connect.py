"""Pipedream's REST API as a runtime without an operator asks it: what is no proper answer is told as such."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from pipewise_crds import AccountStatus, Service
from pipewise_runtime.ports import Token
from pipewise_runtime.server.asgi import Receive, Scope, Send, send_json
from pipewise_runtime.sources.connect import (
    Account,
    Connect,
    ConnectError,
    Credentials,
    RefusedError,
    account_status,
)
from support.listening import free_port, listening

TOKEN = Token("t", datetime(2030, 1, 1, tzinfo=UTC))
SERVICE = Service(name="sendgrid", app="sendgrid")


class Answers:
    """A REST API that answers all that it is asked with the same status and body, or page by page."""

    def __init__(self, status: int, body: bytes, pages: list[dict[str, Any]] | None = None) -> None:
        self.status, self.body, self.pages = status, body, pages or []
        self.asked_after: list[str] = []

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.asked_after += parse_qs(scope["query_string"].decode()).get("after", [])
        body = json.dumps(self.pages.pop(0)).encode() if self.pages else self.body
        await send_json(send, body, self.status)


@asynccontextmanager
async def asking(answers: Answers) -> AsyncIterator[tuple[Connect, Credentials]]:
    async with listening(answers) as url:
        connect = Connect()
        yield connect, Credentials(url, "proj_1", "development", "id", "secret")
        await connect.aclose()


def account(number: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"id": f"apn_{number}", "external_id": "u", "app": {"name_slug": "sendgrid"}, **fields}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, b"{}", ConnectError),
        (200, b"<html>", ConnectError),
        (200, b'{"access_token":"t"}', ConnectError),
        (401, b"{}", RefusedError),
        (403, b"{}", RefusedError),
    ],
)
async def test_what_is_no_token_is_told_without_a_secret(
    status: int, body: bytes, error: type[ConnectError]
) -> None:
    async with asking(Answers(status, body)) as (connect, credentials):
        with pytest.raises(ConnectError) as told:
            await connect.token(credentials)
    assert type(told.value) is error
    assert "/oauth/token" in str(told.value)
    assert "secret" not in str(told.value)


async def test_an_api_that_is_not_there_is_told_by_its_address() -> None:
    connect = Connect()
    nowhere = Credentials(f"http://127.0.0.1:{free_port()}", "proj_1", "development", "id", "secret")
    with pytest.raises(ConnectError, match=r"GET 127\.0\.0\.1/connect/proj_1/accounts: "):
        await connect.accounts(nowhere, TOKEN)
    await connect.aclose()


async def test_accounts_are_read_in_both_forms_and_until_the_last_page() -> None:
    full = [account(number) for number in range(100)]
    pages = [
        {"data": full, "page_info": {"end_cursor": "a"}},
        {"data": {"accounts": full}, "page_info": {"end_cursor": "b"}},
        {"data": [account(7)], "page_info": {"end_cursor": "c"}},
    ]
    answers = Answers(200, b"", pages)
    async with asking(answers) as (connect, credentials):
        assert len(await connect.accounts(credentials, TOKEN)) == 201
    assert answers.asked_after == ["a", "b"]


async def test_a_list_that_goes_round_in_a_circle_is_left() -> None:
    page = {"data": [account(number) for number in range(100)], "page_info": {"end_cursor": "again"}}
    async with asking(Answers(200, json.dumps(page).encode())) as (connect, credentials):
        assert len(await connect.accounts(credentials, TOKEN)) == 200


@pytest.mark.parametrize(
    ("accounts", "pinned", "expected"),
    [
        ([], None, (None, "Missing")),
        ([{"external_id": "other", "healthy": True}], None, (None, "Missing")),
        ([{"healthy": True}], None, ("apn_0", "Healthy")),
        ([{"healthy": False}], None, ("apn_0", "Unhealthy")),
        ([{}], None, ("apn_0", "Unhealthy")),
        ([{"healthy": True, "dead": True}], None, ("apn_0", "Dead")),
        ([{"healthy": False}, {"healthy": True}], None, ("apn_1", "Healthy")),
        ([{"healthy": False}, {"healthy": True}], "apn_0", ("apn_0", "Unhealthy")),
        ([{"healthy": True}], "apn_9", ("apn_9", "Missing")),
    ],
)
def test_the_account_that_serves_is_the_pinned_one_or_the_first_that_is_well(
    accounts: list[dict[str, Any]], pinned: str | None, expected: tuple[str | None, str]
) -> None:
    service = SERVICE.model_copy(update={"account_id": pinned})
    listed = [msgspec.convert(account(number, **fields), Account) for number, fields in enumerate(accounts)]
    assert account_status(service, "u", listed) == AccountStatus(id=expected[0], state=expected[1])
