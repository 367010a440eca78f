"""A call path in memory: the second implementation of the runtime's `Calls` port, for tests of the server."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from pipewise_crds import Resilience
from pipewise_runtime.ports import Caller, UnknownToolError, UpstreamFaultError
from pipewise_runtime.served import ServedBinding

LOGGED = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}'
FLOOD = 40 * 1024 * 1024
"""Bytes of notifications of `flood`."""
_DROP = LOGGED.replace(b'"x"', b'"%b"' % (b"x" * 4096))
_TOOL = {"name": "echo", "description": "Says it again.", "inputSchema": {"type": "object"}}


class MemoryCalls:
    """Serves the bindings it is given; its tools do what their names say."""

    def __init__(self, *places: tuple[str, str]) -> None:
        self._bindings = {place: binding_of(*place) for place in places}
        self.started = asyncio.Event()
        """Set once `hang` runs."""
        self.cancelled = asyncio.Event()
        """Set once `hang` was cancelled."""
        self.flooded = asyncio.Event()
        """Set once `flood` has notified of everything."""
        self.may_finish = asyncio.Event()
        """Lets `wait` answer."""
        self.watchers: list[Callable[[], None]] = []
        """Streams that wait for a change of the tools."""
        self.is_broken = False
        """Whether the list of tools cannot be had."""
        self.hanging = 0
        """Calls of `hang` that run now."""
        self.waiting = 0
        """Calls of `wait` begun so far."""

    def binding(self, agent: str, user: str) -> ServedBinding | None:
        """The binding served for an agent and user."""
        return self._bindings.get((agent, user))

    def drop(self, agent: str, user: str) -> None:
        """Serve a binding no more."""
        del self._bindings[agent, user]

    def change(self) -> None:
        """Tell all who want to know that the tools changed."""
        for changed in self.watchers:
            changed()

    async def tools(self, _binding: ServedBinding) -> bytes:
        """One tool of each kind of behaviour."""
        if self.is_broken:
            raise RuntimeError("a defect")
        names = ("echo", "fault", "hang", "wait", "progress", "log", "flood", "ask", "crash")
        return msgspec.json.encode({"tools": [{**_TOOL, "name": name} for name in names]})

    def watch_tools(self, _agent: str, _user: str, changed: Callable[[], None]) -> Callable[[], None]:
        """Keep who wants to know of changes; the test tells them."""
        self.watchers.append(changed)
        return lambda: self.watchers.remove(changed)

    async def call(self, _binding: ServedBinding, params: bytes, caller: Caller) -> bytes:
        """Do what the tool's name says."""
        asked: dict[str, Any] = msgspec.json.decode(params or b"{}")
        if "name" not in asked:
            raise ValueError("name is missing")
        match asked["name"]:
            case "echo":
                arguments = asked.get("arguments", {})
                return text_result(str(arguments.get("text", "")) * arguments.get("times", 1))
            case "fault":
                error = {"code": -32099, "message": "the upstream says no", **asked.get("arguments", {})}
                raise UpstreamFaultError(msgspec.json.encode(error))
            case "hang":
                return await self._hang(caller, asked)
            case "wait":
                self.started.set()
                self.waiting += 1
                await self.may_finish.wait()
                return text_result("waited")
            case "progress" | "log" | "flood":
                return await self._notify(caller, asked)
            case "ask":
                said = await caller.ask("elicitation/create", b'{"message":"who?"}')
                return text_result((said.result or said.error).decode())
            case "crash":
                raise RuntimeError("a defect")
        raise UnknownToolError(asked["name"])

    async def _notify(self, caller: Caller, asked: dict[str, Any]) -> bytes:
        match asked["name"]:
            case "progress":
                return await _progressing(caller, asked.get("_meta", {}).get("progressToken", 0))
            case "flood":
                return await self._flood(caller)
        caller.notify(LOGGED)
        return text_result("logged")

    async def _flood(self, caller: Caller) -> bytes:
        """Notify of far more than fits on the way to a client that does not read; then ask it something."""
        for _ in range(FLOOD // len(_DROP)):
            caller.notify(_DROP)
            await asyncio.sleep(0)
        for _ in range(len(_DROP) // len(LOGGED)):
            caller.notify(LOGGED)  # until there is no place for the question
        said = await caller.ask("elicitation/create", b'{"message":"who?"}')
        self.flooded.set()
        return text_result((said.result or said.error).decode())

    async def _hang(self, caller: Caller, asked: dict[str, Any]) -> bytes:
        """Wait until it is cancelled, and fail then unless it is stubborn."""
        if (token := asked.get("_meta", {}).get("progressToken")) is not None:
            caller.notify(progress(token, 1))
        self.started.set()
        self.hanging += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            if not asked.get("arguments", {}).get("stubborn"):
                raise
        finally:
            self.hanging -= 1
        return text_result("done all the same")


async def _progressing(caller: Caller, token: object) -> bytes:
    for step in (1, 2, 3):
        caller.notify(progress(token, step))
        if step > 1:  # the first two come at once
            await asyncio.sleep(0)
    return text_result("done")


def binding_of(agent: str, user: str) -> ServedBinding:
    """A binding without services."""
    return ServedBinding(f"{agent}-{user}", agent, user, "default", (), "Never", Resilience())


def text_result(text: str) -> bytes:
    """The encoded result of tools/call with one text."""
    return msgspec.json.encode({"content": [{"type": "text", "text": text}], "isError": False})


def progress(token: object, step: int) -> bytes:
    """An encoded progress notification; pretty-printed, as some upstreams do."""
    params = {"progressToken": token, "progress": step, "total": 3}
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
    return msgspec.json.format(msgspec.json.encode(note), indent=1)
