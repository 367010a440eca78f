"""The sandbox's REST API, judged by Pipedream's own client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pipedream import AsyncPipedream
from pipedream.core.api_error import ApiError

from support.sandbox import CLIENT_ID, CLIENT_SECRET, PROJECT, Sandbox, sandbox


@asynccontextmanager
async def pipedream(secret: str = CLIENT_SECRET) -> AsyncIterator[tuple[Sandbox, AsyncPipedream]]:
    async with sandbox() as box, httpx.AsyncClient() as http:
        yield (
            box,
            AsyncPipedream(
                client_id=CLIENT_ID,
                client_secret=secret,
                project_id=PROJECT,
                project_environment="development",
                base_url=box.url,
                httpx_client=http,
            ),
        )


async def test_accounts_are_listed_by_user_and_app_and_read_and_deleted() -> None:
    async with pipedream() as (box, client):
        mine = await box.admin.add_account("ada", "sendgrid")
        await box.admin.add_account("ada", "twitter", healthy=False, error="token revoked")
        await box.admin.add_account("bob", "sendgrid")
        found = [account async for account in await client.accounts.list(external_user_id="ada")]
        assert [(account.app.name_slug, account.healthy) for account in found if account.app] == [
            ("sendgrid", True),
            ("twitter", False),
        ]
        assert found[1].error == "token revoked"
        only = [account async for account in await client.accounts.list(app="sendgrid")]
        assert [account.external_id for account in only] == ["ada", "bob"]
        assert (await client.accounts.retrieve(mine)).id == mine
        await client.accounts.delete(mine)
        with pytest.raises(ApiError) as gone:
            await client.accounts.retrieve(mine)
        assert gone.value.status_code == 404


async def test_accounts_are_listed_below_their_user_and_deleted_by_app() -> None:
    async with pipedream() as (box, client):
        await box.admin.add_account("ada", "sendgrid")
        await box.admin.add_account("ada", "twitter")
        apps = {app.name_slug: app.id async for app in await client.apps.list()}
        assert len(apps) == 7
        await client.accounts.delete_by_app(apps["sendgrid"])
        left = await client.accounts.list_by_external_user("ada")
        assert [account.app.name_slug for account in left if account.app] == ["twitter"]


async def test_pages_of_accounts_follow_one_another() -> None:
    async with pipedream() as (box, client):
        ids = [await box.admin.add_account(f"user-{number}", "sendgrid") for number in range(5)]
        pager = await client.accounts.list(limit=2)
        assert [account.id async for account in pager] == ids


async def test_environments_keep_accounts_apart() -> None:
    async with pipedream() as (box, client):
        await box.admin.add_account("ada", "sendgrid", environment="production")
        assert [account async for account in await client.accounts.list()] == []


async def test_a_deleted_user_takes_all_accounts_along() -> None:
    async with pipedream() as (box, client):
        await box.admin.add_account("ada", "sendgrid")
        await box.admin.add_account("ada", "twitter")
        assert [user.external_id async for user in await client.users.list()] == ["ada"]
        await client.users.delete_external_user("ada")
        assert [user async for user in await client.users.list()] == []
        assert [account async for account in await client.accounts.list()] == []


async def test_a_connect_token_is_minted_and_valid() -> None:
    async with pipedream() as (box, client):
        token = await client.tokens.create(external_user_id="ada")
        assert token.connect_link_url.startswith(f"{box.url}/_static/connect.html?token={token.token}")
        validity = await client.tokens.validate(token.token, app_id="sendgrid")
        assert (validity.success, validity.project_id) == (True, PROJECT)
        assert not (await client.tokens.validate("ctok_unknown", app_id="sendgrid")).success


async def test_a_wrong_secret_is_refused() -> None:
    async with pipedream("wrong") as (_, client):
        with pytest.raises(ApiError) as refused:
            await client.accounts.list()
        assert refused.value.status_code == 401


async def test_expired_tokens_no_longer_open_anything() -> None:
    async with sandbox() as box:
        headers = await box.headers("ada", "sendgrid")
        accounts = f"{box.api_url}/connect/{PROJECT}/accounts"
        assert (await box.client.get(accounts, headers=headers)).status_code == 200
        await box.admin.expire_tokens(PROJECT)
        refused = await box.client.get(accounts, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_dies_of_old_age() -> None:
    async with sandbox() as box:
        await box.admin.settings(tokenLifetimeSeconds=0.001)
        headers = await box.headers("ada", "sendgrid")
        answer = await box.client.get(f"{box.api_url}/connect/{PROJECT}/accounts", headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "invalid_request"),
        (
            {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "no"},
            401,
            "invalid_client",
        ),
    ],
)
async def test_the_token_endpoint_says_what_is_wrong(body: dict[str, str], status: int, error: str) -> None:
    async with sandbox() as box:
        answer = await box.client.post(f"{box.api_url}/oauth/token", json=body)
        assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_the_token_endpoint_is_rate_limited_when_asked_to_be() -> None:
    async with sandbox() as box:
        await box.admin.settings(tokenRequestsPerMinute=1)
        await box.token()
        body = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        answer = await box.client.post(f"{box.api_url}/oauth/token", json=body)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_account_reads_beyond_the_limit_are_refused_with_the_time_to_wait() -> None:
    async with sandbox() as box:
        await box.admin.settings(accountRequests=1)
        headers = await box.headers("ada", "sendgrid")
        accounts = f"{box.api_url}/connect/{PROJECT}/accounts"
        assert (await box.client.get(accounts, headers=headers)).status_code == 200
        limited = await box.client.get(accounts, headers=headers)
        assert limited.status_code == 429
        assert 0 < int(limited.headers["retry-after"]) <= 300


async def test_another_project_is_out_of_reach() -> None:
    async with sandbox() as box:
        await box.admin.add_project("proj_other", "other", "other-secret")
        headers = await box.headers("ada", "sendgrid")
        answer = await box.client.get(f"{box.api_url}/connect/proj_other/accounts", headers=headers)
        assert answer.status_code == 403
