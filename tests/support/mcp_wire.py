"""MCP by hand: one user's requests as plain HTTP, where a client library would hide the status."""

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2

from .sandbox import Sandbox

ACCEPT = "application/json, text/event-stream"
MAIL = {"fromEmail": "a@example.com", "toEmail": "b@example.com", "subject": "Hi", "content": "Hello"}
SEND = "sendgrid-send-email-single-recipient"


@dataclass(slots=True)
class McpWire:
    """One user's connection to one app."""

    sandbox: Sandbox
    headers: dict[str, str]
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    @classmethod
    async def opened(cls, sandbox: Sandbox, user: str = "ada", app: str = "sendgrid") -> "McpWire":
        """A connection that has been through ``initialize``."""
        wire = cls(sandbox, await sandbox.headers(user, app) | {"accept": ACCEPT})
        answer = await wire.ask("initialize", {"protocolVersion": "2025-06-18"})
        wire.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        await wire.tell("notifications/initialized")
        return wire

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> httpx2.Response:
        """One request."""
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params or {}}
        return await self.sandbox.client.post(self.sandbox.mcp_url, json=body, headers=self.headers)

    async def tell(self, method: str, params: dict[str, Any] | None = None) -> httpx2.Response:
        """One notification."""
        body = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        return await self.sandbox.client.post(self.sandbox.mcp_url, json=body, headers=self.headers)

    async def call(self, tool: str = SEND, arguments: dict[str, Any] | None = None) -> httpx2.Response:
        """One ``tools/call``; a mail if nothing else is asked for."""
        return await self.ask(
            "tools/call", {"name": tool, "arguments": MAIL if arguments is None else arguments}
        )

    async def ret(self, tool: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """What an action returned."""
        answer = await self.call(tool, arguments)
        return json.loads(answer.json()["result"]["content"][0]["text"])["ret"]


async def connected(box: Sandbox) -> McpWire:
    """A session of a user with a SendGrid account."""
    await box.admin.add_account("ada", "sendgrid")
    return await McpWire.opened(box)
