"""The runtime's inner half against a sandbox: bindings are put in by hand, calls are made without HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipewise_crds import AccountState, Resilience
from pipewise_runtime.admitting import MOST_IN_FLIGHT
from pipewise_runtime.clock import Clock
from pipewise_runtime.core.evidence import Evidence
from pipewise_runtime.engine import Engine
from pipewise_runtime.metrics import Metrics
from pipewise_runtime.ports import Caller, Token
from pipewise_runtime.served import Project, ServedBinding, ServedService
from pipewise_runtime.server.questions import unasked
from support.sandbox import PROJECT, Sandbox

AGENT, USER = "coordinator", "user-42"
SEND = "sendgrid-send-email-single-recipient"
READ = "sendgrid-list-global-suppressions"
MAIL = {
    "fromEmail": "ana@example.com",
    "toEmail": "leo@example.com",
    "subject": "Hola",
    "content": "¿Qué tal?",
}
QUICK = Resilience.model_validate({"baseDelay": "10ms", "maxDelay": "40ms"})


class SandboxTokens:
    """Tokens straight from the sandbox; another one is had only after a rejection."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._token: Token | None = None
        self.minted = 0
        self.instead: Callable[[], Awaitable[Token]] | None = None
        """What waiting for another token comes to, where a test wants none to come."""

    def held(self, _project: str) -> Token | None:
        """The token minted last."""
        return self._token

    async def current(self, _project: str) -> Token:
        """The token minted last, or the first."""
        return self._token or await self._mint()

    async def after(self, project: str, rejected: Token) -> Token:
        """Another one than the rejected, minted once for all who wait."""
        if self.instead:
            return await self.instead()
        return await self._mint() if self._token in {None, rejected} else await self.current(project)

    async def _mint(self) -> Token:
        self.minted += 1
        self._token = Token(await self._sandbox.token(), datetime.now(UTC) + timedelta(hours=1))
        return self._token


def service(
    name: str = "sendgrid", app: str = "sendgrid", account: AccountState = "Healthy"
) -> ServedService:
    """A service of a binding, with every tool allowed."""
    return ServedService(name, app, None, account, (), (), timeout_seconds=5.0)


def binding(*services: ServedService, **changes: Any) -> ServedBinding:  # noqa: ANN401 - any field
    """A binding with quick retries and no demo mode."""
    made = ServedBinding(
        "coordinator-user-42", AGENT, USER, "default", services or (service(),), "Never", QUICK
    )
    return replace(made, **changes)


@dataclass
class Rig:
    """A running engine, its sandbox, and what it has seen."""

    sandbox: Sandbox
    engine: Engine
    evidence: Evidence
    metrics: Metrics
    tokens: SandboxTokens
    notifications: list[bytes] = field(default_factory=list)

    async def serve(self, made: ServedBinding, *, accounts: bool = True) -> ServedBinding:
        """Serve a binding whose accounts exist at the sandbox, and wait until its tools are known."""
        if accounts:
            for each in made.services:
                await self.sandbox.admin.add_account(made.user, each.app)
        self.engine.serve(made)
        await self.engine.tools(made)
        return made

    async def call(
        self, tool: str, arguments: dict[str, Any] | None = None, user: str = USER
    ) -> dict[str, Any]:
        """The decoded result of a call by the coordinator."""
        served = self.engine.binding(AGENT, user)
        assert served is not None
        params = json.dumps({"name": tool, "arguments": arguments or {}}).encode()
        result: dict[str, Any] = json.loads(await self.raw(served, params))
        return result

    async def raw(self, served: ServedBinding, params: bytes) -> bytes:
        """The encoded result of a call with these encoded parameters."""
        return await self.engine.call(served, params, Caller(self.notifications.append, unasked))

    async def send(self) -> dict[str, Any]:
        """Send an e-mail: a call that must never be repeated."""
        return await self.call(SEND, MAIL)

    async def read(self) -> dict[str, Any]:
        """A call that changes nothing."""
        return await self.call(READ)

    def state(self, app: str = "sendgrid") -> str:
        """The state of an app in the report; empty where it is not reported."""
        return next((each.state for each in self.evidence.providers() if each.app == app), "")

    async def requests(self, method: str) -> int:
        """How many MCP requests of a method the sandbox has answered, whatever the outcome."""
        counted: dict[str, dict[str, int]] = (await self.sandbox.admin.requests())["requests"]
        return sum(counted.get(method, {}).values())

    async def sent(self) -> int:
        """How many e-mails really went out."""
        return len(await self.sandbox.admin.ledger(tool=SEND, effect="true"))

    def metric(self, name: str, **labels: str) -> float:
        """The value of one of the runtime's metrics."""
        value = self.metrics.registry.get_sample_value(f"pipewise_runtime_{name}", labels)
        assert value is not None, f"{name}{labels} was never born"
        return value


@asynccontextmanager
async def running_engine(
    sandbox: Sandbox, clock: Clock | None = None, most_in_flight: int = MOST_IN_FLIGHT
) -> AsyncIterator[Rig]:
    """An engine that serves the sandbox's built-in project under the name `default`."""
    tokens, evidence, metrics = SandboxTokens(sandbox), Evidence(), Metrics("test")
    engine = Engine(tokens, evidence, metrics, clock or Clock(), most_in_flight)
    engine.serve_project(Project("default", PROJECT, "development", sandbox.mcp_url))
    await engine.start()
    try:
        yield Rig(sandbox, engine, evidence, metrics, tokens)
    finally:
        await engine.stop()


def problem(result: dict[str, Any]) -> dict[str, Any]:
    """The structured part of a failed call."""
    assert result["isError"] is True, result
    found: dict[str, Any] = result["structuredContent"]
    return found


def text(result: dict[str, Any]) -> str:
    """What a model is shown of a result."""
    return "\n".join(item["text"] for item in result["content"])
