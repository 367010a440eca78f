"""The runtime between a client and an MCP upstream: engine and server in the event loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pipewise_crds import Resilience
from pipewise_runtime.core.evidence import Evidence
from pipewise_runtime.engine import Engine
from pipewise_runtime.metrics import Metrics
from pipewise_runtime.ports import Token
from pipewise_runtime.served import Project, ServedBinding, ServedService

from .serving import served

APP = "conformance"
QUICK = Resilience.model_validate({"baseDelay": "10ms", "maxDelay": "40ms"})


class OneToken:
    """A token that is always good."""

    def __init__(self) -> None:
        self._token = Token("test-token", datetime.now(UTC) + timedelta(hours=1))

    def held(self, _project: str) -> Token | None:
        """The token."""
        return self._token

    async def current(self, _project: str) -> Token:
        """The token."""
        return self._token

    async def after(self, _project: str, _rejected: Token) -> Token:
        """The same again."""
        return self._token


class Withheld(OneToken):
    """A token that is there until it is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.is_there = asyncio.Event()
        self.is_there.set()
        self.asked = asyncio.Event()
        """Set once somebody waits for it."""

    def held(self, project: str) -> Token | None:
        """The token while it is there."""
        return super().held(project) if self.is_there.is_set() else None

    async def current(self, project: str) -> Token:
        """The token, once it is there."""
        self.asked.set()
        await self.is_there.wait()
        return await super().current(project)


def binding(
    user: str = "user-42", allow: tuple[str, ...] = (), timeout_seconds: float = 10.0
) -> ServedBinding:
    """The coordinator's binding with the upstream as its one service."""
    service = ServedService("service", APP, None, "Healthy", allow, (), timeout_seconds)
    return ServedBinding(f"coordinator-{user}", "coordinator", user, "default", (service,), "Never", QUICK)


@asynccontextmanager
async def runtime_before(mcp_url: str) -> AsyncIterator[tuple[Engine, str]]:
    """A runtime that serves the coordinator of user-42 from one upstream; yields it and its base URL."""
    engine = Engine(OneToken(), Evidence(), Metrics("test"))
    engine.serve_project(Project("default", "proj_test", "development", mcp_url))
    await engine.start()
    try:
        engine.serve(binding())
        async with served(engine) as base:
            yield engine, base
    finally:
        await engine.stop()
