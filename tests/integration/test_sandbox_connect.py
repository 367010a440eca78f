"""The connect page: what a user presses, and what the developer hears of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipewise_sandbox.__main__ import listening, url
from support.eventually import eventually
from support.mcp_wire import McpWire
from support.sandbox import PROJECT, Sandbox, sandbox


@asynccontextmanager
async def developer() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A developer's webhook receiver: its URI and what it got."""
    events: list[dict[str, Any]] = []

    async def receive(request: Request) -> Response:
        events.append(await request.json())
        return Response(status_code=204)

    app = Starlette(routes=[Route("/hook", receive, methods=["POST"])])
    bound = listening("127.0.0.1:0")
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve(sockets=[bound]))
    try:
        await eventually(lambda: running.started)
        yield f"{url(bound)}/hook", events
    finally:
        running.should_exit = True
        await serving
        bound.close()


async def connect_link(box: Sandbox, **fields: object) -> str:
    headers = await box.headers("ada", "sendgrid")
    body = {"external_user_id": "ada", **fields}
    answer = await box.client.post(f"{box.api_url}/connect/{PROJECT}/tokens", json=body, headers=headers)
    assert answer.is_success, answer.text
    link: str = answer.json()["connect_link_url"]
    return f"{link}&app=sendgrid"


async def test_the_button_connects_an_account_once_and_the_developer_is_told() -> None:
    async with sandbox() as box, developer() as (hook, events):
        link = await connect_link(box, webhook_uri=hook)
        shown = await box.client.get(link)
        assert '<button type="submit">Connect Twilio SendGrid</button>' in shown.text
        assert (await box.client.post(link)).status_code == 200
        await eventually(lambda: events)
        assert (events[0]["event"], events[0]["environment"]) == ("CONNECTION_SUCCESS", "development")
        accounts = (await box.admin.state())["accounts"]
        assert [(account["id"], account["user"]) for account in accounts] == [
            (events[0]["account"]["id"], "ada")
        ]
        again = await box.client.post(link)
        assert again.status_code == 400
        assert "token is invalid" in again.text


async def test_the_link_of_a_refused_call_heals_the_account_so_that_the_call_works() -> None:
    async with sandbox() as box:
        broken = await box.admin.add_account("ada", "sendgrid", healthy=False, error="revoked")
        wire = await McpWire.opened(box)
        link = (await wire.call()).json()["result"]["connectUrl"]
        assert (await box.client.post(link)).status_code == 200
        account = (await box.admin.state())["accounts"][0]
        assert (account["id"], account["healthy"], account["error"]) == (broken, True, None)
        assert (await wire.call()).json()["result"]["isError"] is False
        assert [entry["account"] for entry in await box.admin.ledger()] == [broken]


async def test_a_webhook_can_get_lost_and_can_come_twice() -> None:
    async with sandbox() as box, developer() as (hook, events):
        await box.admin.fault("webhook_lost", times=1)
        await box.admin.fault("webhook_twice", times=1)
        await box.client.post(await connect_link(box, webhook_uri=hook))
        assert len((await box.admin.state())["accounts"]) == 1
        await box.client.post(await connect_link(box, webhook_uri=hook))
        await eventually(lambda: len(events) == 2)
        assert events[0] == events[1]
        assert events[0]["connect_session_id"] == 2


async def test_the_development_cap_stops_one_user_too_many_and_says_so() -> None:
    async with sandbox() as box, developer() as (hook, events):
        await box.admin.settings(developmentUserLimit=1)
        await box.admin.add_account("bob", "sendgrid")
        refused = await box.client.post(await connect_link(box, webhook_uri=hook))
        assert refused.status_code == 403
        await eventually(lambda: events)
        assert events[0]["event"] == "CONNECTION_ERROR"
        assert "hit your limit on the number of external users" in events[0]["error"]
        assert len((await box.admin.state())["accounts"]) == 1


async def test_success_leads_where_the_developer_wants_it() -> None:
    async with sandbox() as box:
        link = await connect_link(box, success_redirect_uri="https://example.com/done")
        answer = await box.client.post(link)
        assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/done")


async def test_an_expired_link_says_so() -> None:
    async with sandbox() as box:
        link = await connect_link(box, expires_in=1)

        async def expired() -> bool:
            answer = await box.client.get(link)
            return answer.status_code == 400 and "This link has expired" in answer.text

        await eventually(expired)


async def test_connect_tokens_per_user_are_limited() -> None:
    async with sandbox() as box:
        await box.admin.settings(connectTokensPerMinute=1)
        await connect_link(box)
        headers = await box.headers("ada", "sendgrid")
        body = {"external_user_id": "ada"}
        answer = await box.client.post(f"{box.api_url}/connect/{PROJECT}/tokens", json=body, headers=headers)
        assert answer.status_code == 429
