"""The runtime's inner half in front of a misbehaving upstream, which it has just begun to probe."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pipewise_runtime.core.evidence import Evidence
from pipewise_runtime.engine import Engine
from pipewise_runtime.metrics import Metrics
from pipewise_runtime.ports import Caller, Tokens
from pipewise_runtime.served import Project
from pipewise_runtime.server.questions import unasked
from support.engine import binding
from support.hostile import Behaviour, Exchange, Upstream, upstream
from support.mcp_through import OneToken


@dataclass(frozen=True, slots=True)
class Probed:
    """An engine that has just been given a binding, what it has seen, and the upstream that it probes."""

    engine: Engine
    evidence: Evidence
    metrics: Metrics
    upstream: Upstream

    async def call(self, name: str, caller: Caller | None = None) -> dict[str, Any]:
        """The decoded result of a call by a caller who hears nothing, unless another is given."""
        params = json.dumps({"name": name}).encode()
        said = await self.engine.call(binding(), params, caller or Caller(_ignore, unasked))
        result: dict[str, Any] = json.loads(said)
        return result


def _ignore(_notification: bytes) -> None:
    """Hear nothing."""


CHANGED = b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'
"""The event by which an upstream says that its tools changed."""

ANNOUNCES = {"tools": {"listChanged": True}}
"""The capabilities of an upstream that says when its tools change."""


@asynccontextmanager
async def probed(
    behaviour: Behaviour, capabilities: Mapping[str, Any] | None = None, tokens: Tokens | None = None
) -> AsyncIterator[Probed]:
    """An engine and its upstream, which says in its opening what it can do."""
    async with upstream(behaviour) as running:
        running.opening["result"]["capabilities"] = capabilities or {}
        evidence, metrics = Evidence(), Metrics("test")
        engine = Engine(tokens or OneToken(), evidence, metrics)
        engine.serve_project(Project("default", "proj_1", "development", running.url))
        engine.serve(binding())
        await engine.start()
        try:
            yield Probed(engine, evidence, metrics, running)
        finally:
            await engine.stop()


@dataclass(slots=True)
class Announcing:
    """A behaviour that lists tools, and can say on the stream opened for that that they changed."""

    names: list[str]
    streams: list[Exchange] = field(default_factory=list)
    """The streams that were asked for."""
    on_call: Callable[[], None] | None = None
    """Called in the moment in which a call was answered."""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.method == "GET":
            exchange.begin_events()
            self.streams.append(exchange)
        elif exchange.method == "tools/list":
            await listing([{"name": name} for name in self.names])(exchange)
        else:
            exchange.write_json(exchange.answer())
            if self.on_call:
                self.on_call()

    def announce(self) -> None:
        """Say that the tools changed."""
        self.streams[-1].chunk(CHANGED)


def listing(tools: Any, **more: Any) -> Behaviour:  # noqa: ANN401 - JSON
    """Answer every request with a list of tools."""

    async def answer(exchange: Exchange) -> None:
        exchange.write_result(tools=tools, **more)

    return answer
