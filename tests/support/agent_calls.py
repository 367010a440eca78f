"""The agents' end of a runtime for tests: its own server, the sandbox's tools, failures set by the test."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipewise_crds.profiles import BUILT_IN
from pipewise_runtime.ports import Caller, UnknownToolError, UpstreamFaultError
from pipewise_runtime.served import ServedBinding
from pipewise_runtime.server.agents import AgentsApp
from pipewise_runtime.server.listening import Address, Listener
from pipewise_sandbox.backend import Backend, Call

from .memory_calls import binding_of


@dataclass(slots=True)
class AgentCalls:
    """A call path that runs every tool in the sandbox, for every user of the three agents."""

    made: list[Call] = field(default_factory=list)
    """The calls that were carried out."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Results to give in place of carrying a tool out, by tool."""
    refusing: set[str] = field(default_factory=set)
    """Tools answered with a JSON-RPC error."""
    silent: set[str] = field(default_factory=set)
    """Agents whose tools cannot be listed."""
    absent: set[str] = field(default_factory=set)
    """Agents that are not served."""
    listed: list[str] = field(default_factory=list)
    """The agents whose tools were listed, time for time."""
    backend: Backend = field(default_factory=Backend)

    def binding(self, agent: str, user: str) -> ServedBinding | None:
        """Any user has a binding for each of the three agents."""
        return binding_of(agent, user) if agent in BUILT_IN and agent not in self.absent else None

    async def tools(self, binding: ServedBinding) -> bytes:
        """All tools of the agent's apps."""
        self.listed.append(binding.agent)
        if binding.agent in self.silent:
            raise UpstreamFaultError(b'{"code":-32000,"message":"no tools to be had"}')
        tools = [tool for service in BUILT_IN[binding.agent] for tool in self.backend.tools(service.app)]
        return json.dumps({"tools": tools}).encode()

    def watch_tools(self, _agent: str, _user: str, _changed: Callable[[], None]) -> Callable[[], None]:
        """Nothing ever changes."""
        return lambda: None

    async def call(self, binding: ServedBinding, params: bytes, _caller: Caller) -> bytes:
        """Carry a tool out, or fail as the test wants it."""
        asked = json.loads(params)
        tool: str = asked["name"]
        app = tool.split("-", 1)[0]
        if app not in {service.app for service in BUILT_IN[binding.agent]}:
            raise UnknownToolError(tool)
        if tool in self.refusing:
            raise UpstreamFaultError(b'{"code":-32099,"message":"the upstream says no"}')
        if tool in self.answers:
            return json.dumps(self.answers[tool]).encode()
        call = Call(binding.user, app, tool, asked.get("arguments", {}), datetime.now(UTC))
        self.made.append(call)
        return json.dumps(self.backend.call(call)).encode()


def failed(text: str) -> dict[str, Any]:
    """A result as the runtime gives it for a call that failed."""
    return {"content": [{"type": "text", "text": text}], "isError": True}


def made_up(text: str) -> dict[str, Any]:
    """A result as the runtime gives it in demo mode."""
    return {
        "content": [{"type": "text", "text": f"[demo] {text}"}],
        "isError": False,
        "_meta": {"pipewise/demo": True},
    }


@asynccontextmanager
async def agents_served(calls: AgentCalls, port: int = 0) -> AsyncIterator[str]:
    """Serve a call path to agents on loopback; yields the base URL. Port 0 takes a free one."""
    listener = Listener(AgentsApp(calls, is_loopback=True), Address("127.0.0.1", port), drain_seconds=1)
    await listener.start()
    try:
        yield listener.address.url()
    finally:
        await listener.stop()
