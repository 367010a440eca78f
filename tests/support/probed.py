"""The runtime's inner half in front of a misbehaving upstream, which it has just begun to probe."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pipewise_runtime.core.evidence import Evidence
from pipewise_runtime.engine import Engine
from pipewise_runtime.metrics import Metrics
from pipewise_runtime.served import Project
from support.engine import binding
from support.hostile import Behaviour, Exchange, Upstream, upstream
from support.mcp_through import OneToken


@dataclass(frozen=True, slots=True)
class Probed:
    """An engine that has just been given a binding, what it has seen, and the upstream that it probes."""

    engine: Engine
    evidence: Evidence
    upstream: Upstream


ANNOUNCES = {"tools": {"listChanged": True}}
"""The capabilities of an upstream that says when its tools change."""


@asynccontextmanager
async def probed(
    behaviour: Behaviour, capabilities: Mapping[str, Any] | None = None
) -> AsyncIterator[Probed]:
    """An engine and its upstream, which says in its opening what it can do."""
    async with upstream(behaviour) as running:
        running.opening["result"]["capabilities"] = capabilities or {}
        evidence = Evidence()
        engine = Engine(OneToken(), evidence, Metrics("test"))
        engine.serve_project(Project("default", "proj_1", "development", running.url))
        engine.serve(binding())
        await engine.start()
        try:
            yield Probed(engine, evidence, running)
        finally:
            await engine.stop()


@dataclass(slots=True)
class Announcing:
    """A behaviour that lists tools, and can say on the stream opened for that that they changed."""

    names: list[str]
    stream: Exchange | None = None
    """The stream, once it was asked for."""
    on_call: Callable[[], None] | None = None
    """Called in the moment in which a call was answered."""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.method == "GET":
            exchange.begin_events()
            self.stream = exchange
        elif exchange.method == "tools/list":
            await listing([{"name": name} for name in self.names])(exchange)
        else:
            exchange.write_json(exchange.answer())
            if self.on_call:
                self.on_call()

    def announce(self) -> None:
        """Say that the tools changed."""
        assert self.stream is not None
        self.stream.chunk(b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n')


def listing(tools: Any, **more: Any) -> Behaviour:  # noqa: ANN401 - JSON
    """Answer every request with a list of tools."""

    async def answer(exchange: Exchange) -> None:
        result = {"tools": tools, **more}
        exchange.write_json(json.dumps({"id": exchange.identity, "result": result}).encode())

    return answer
