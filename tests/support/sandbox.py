"""The sandbox for tests: started on a free port in a thread of its own, and turned through its admin API."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import httpx2

from pipewise_sandbox.__main__ import listening, server, url
from pipewise_sandbox.admin_bodies import Seed

from .eventually import eventually_sync

PROJECT, CLIENT_ID, CLIENT_SECRET = "proj_demo", "demo-client", "demo-secret"
_STOP_SECONDS = 5.0
_TIMEOUT_SECONDS = 10.0


class SandboxAdmin:
    """The admin API of a running sandbox. Its methods speak for the built-in project unless told otherwise.

    Args:
        base_url: The sandbox's address, ``http://127.0.0.1:PORT``.
        client: The HTTP client to use; it is not closed here.
    """

    def __init__(self, base_url: str, client: httpx2.AsyncClient) -> None:
        self.base_url = base_url
        self._client = client

    async def add_project(self, project: str, client_id: str, client_secret: str) -> None:
        """Add a project with its OAuth client."""
        body = {"projectID": project, "clientID": client_id, "clientSecret": client_secret}
        await self._send("POST", "/projects", body)

    async def add_account(self, user: str, app: str, **fields: Any) -> str:  # noqa: ANN401 - JSON
        """Connect an account; its id.

        Args:
            user: The external user.
            app: The app's slug.
            **fields: ``project``, ``environment`` (development), ``healthy``, ``dead``, ``error``.
        """
        body = {"project": PROJECT, "user": user, "app": app} | fields
        added: str = (await self._send("POST", "/accounts", body))["id"]
        return added

    async def set_account(self, account: str, **health: Any) -> None:  # noqa: ANN401 - JSON
        """Change an account: ``healthy``, ``dead``, ``error``."""
        await self._send("PATCH", f"/accounts/{account}", health)

    async def remove_account(self, account: str) -> None:
        """Disconnect an account."""
        await self._send("DELETE", f"/accounts/{account}")

    async def fault(self, kind: str, **fields: Any) -> int:  # noqa: ANN401 - JSON
        """Switch a fault on; its id. Fields are the admin API's, in camelCase (``retryAfter``)."""
        added: int = (await self._send("POST", "/faults", {"kind": kind} | fields))["id"]
        return added

    async def faults(self) -> list[dict[str, Any]]:
        """The faults that are on."""
        found: list[dict[str, Any]] = (await self._send("GET", "/faults"))["faults"]
        return found

    async def clear_fault(self, fault: int) -> None:
        """Switch one fault off."""
        await self._send("DELETE", f"/faults/{fault}")

    async def clear_faults(self) -> None:
        """Switch all faults off."""
        await self._send("DELETE", "/faults")

    async def ledger(self, **query: str) -> list[dict[str, Any]]:
        """What was executed; filtered by ``user``, ``app``, ``tool``, ``effect`` (``true`` for writes)."""
        entries: list[dict[str, Any]] = (await self._send("GET", "/ledger", query=query))["entries"]
        return entries

    async def outbox(self) -> list[dict[str, Any]]:
        """The mails that were sent."""
        mails: list[dict[str, Any]] = (await self._send("GET", "/outbox"))["mails"]
        return mails

    async def requests(self) -> dict[str, Any]:
        """Replies counted by method and outcome, open sessions and connections."""
        return await self._send("GET", "/requests")

    async def state(self) -> dict[str, Any]:
        """Everything."""
        return await self._send("GET", "/state")

    async def settings(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Change settings (camelCase names); all settings after that."""
        return await self._send("PATCH", "/settings", changes)

    async def expire_tokens(self, project: str | None = None) -> None:
        """Make every access token (of one project) stop working now."""
        await self._send("POST", "/tokens/expire", {"project": project} if project else {})

    async def reset(self) -> None:
        """Back to the start: no accounts but the seed's, no faults, an empty ledger."""
        await self._send("POST", "/reset")

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        url = f"{self.base_url}/admin{path}"
        answer = await self._client.request(method, url, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        url: Its address, ``http://127.0.0.1:PORT``.
        admin: Its admin API.
        client: An HTTP client for whatever else a test asks it.
    """

    url: str
    admin: SandboxAdmin
    client: httpx2.AsyncClient = field(repr=False)

    @property
    def mcp_url(self) -> str:
        """The MCP endpoint."""
        return f"{self.url}/v3"

    @property
    def api_url(self) -> str:
        """The REST base."""
        return f"{self.url}/v1"

    async def token(self) -> str:
        """A fresh access token of the built-in client."""
        body = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        answer = await self.client.post(f"{self.api_url}/oauth/token", json=body)
        assert answer.is_success, answer.text
        issued: str = answer.json()["access_token"]
        return issued

    async def headers(self, user: str, app: str, environment: str = "development") -> dict[str, str]:
        """The headers of an MCP request by this user to this app, with a fresh token."""
        return {
            "authorization": f"Bearer {await self.token()}",
            "x-pd-project-id": PROJECT,
            "x-pd-environment": environment,
            "x-pd-external-user-id": user,
            "x-pd-app-slug": app,
        }


@contextmanager
def serving_sandbox(seed: Mapping[str, Any] | None = None, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """A sandbox in a thread of its own, for tests without an event loop; its address."""
    bound = listening(listen)
    running = server(Seed.model_validate(seed or {}), log_level="critical")
    thread = threading.Thread(target=asyncio.run, args=(running.serve(sockets=[bound]),), name="sandbox")
    thread.start()
    try:
        eventually_sync(lambda: running.started)
        yield url(bound)
    finally:
        running.should_exit = running.force_exit = True
        thread.join(_STOP_SECONDS)
        bound.close()
        assert not thread.is_alive(), "the sandbox did not stop"


@asynccontextmanager
async def sandbox(
    seed: Mapping[str, Any] | None = None, listen: str = "127.0.0.1:0"
) -> AsyncIterator[Sandbox]:
    """A sandbox on a free port (or on ``listen``, to come back where another one was)."""
    with serving_sandbox(seed, listen) as base_url:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            yield Sandbox(base_url, SandboxAdmin(base_url, client), client)


def admin_call(
    base_url: str, method: str, path: str, body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One call of the admin API from a test without an event loop; ``path`` is below ``/admin``."""
    data = json.dumps(body).encode() if body is not None else None
    request = UrlRequest(f"{base_url}/admin{path}", data=data, method=method)  # noqa: S310 - loopback
    with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - likewise
        found: dict[str, Any] = json.load(answer)
    return found
