"""The seams inside the runtime: where sources deliver, where tokens come from, what the server asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec

from .core.eras import PLAIN, Speaks
from .served import Project, ServedBinding


@dataclass(frozen=True, slots=True)
class Token:
    """A developer token of a project; its value never shows in a repr or log."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenUnavailableError(Exception):
    """No token can be had for the project: its Secret is missing or Pipedream refuses to mint one."""


class Tokens(Protocol):
    """Where the tokens of projects come from."""

    def held(self, project: str) -> Token | None:
        """The token to use now where it is at hand; where it ends soon another one is fetched meanwhile.

        Raises:
            TokenUnavailableError: there will be none.
        """

    async def current(self, project: str) -> Token:
        """The token to use now; one that still holds is never waited for.

        Raises:
            TokenUnavailableError: there is none.
        """

    async def after(self, project: str, rejected: Token) -> Token:
        """Wait until there is another token than the rejected one; the caller bounds the wait.

        Raises:
            TokenUnavailableError: there will be none.
        """


class Sink(Protocol):
    """Where a source delivers what it sees; deliveries are cheap and never block."""

    def serve_project(self, project: Project) -> None:
        """Take up a new or changed project."""

    def drop_project(self, name: str) -> None:
        """Forget a project."""

    def serve(self, binding: ServedBinding) -> None:
        """Take up a new or changed binding."""

    def drop(self, name: str) -> None:
        """Stop serving a binding at once: deleted, paused or invalid."""

    def share(self, project: str, runs: int, window_seconds: float) -> None:
        """Keep to this part of the project's quota."""

    def ran_before(self, project: str, runs: int, until: datetime) -> None:
        """So many runs were made here by an earlier process, the last of them by then."""

    def hold_off(self, project: str, until: datetime) -> None:
        """Try no run of the project before this moment: Pipedream named it, perhaps to another runtime."""


class UnknownToolError(Exception):
    """The binding offers no tool of that name."""


class UpstreamFaultError(Exception):
    """The upstream answered a call with a JSON-RPC error, which goes to the caller as it is."""

    def __init__(self, error: bytes) -> None:
        super().__init__("the upstream answered with a JSON-RPC error")
        self.error = error
        """The encoded JSON-RPC error object."""


OnNotification = Callable[[bytes], object]
"""Takes each encoded JSON-RPC notification that the upstream sends while a call runs."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller answered when it was asked: one of the two, encoded."""

    result: bytes = b""
    error: bytes = b""


OnRequest = Callable[[str, bytes], Awaitable[Said]]
"""Passes on a request that the upstream sends while a call runs, its method and encoded params."""


class Caller(msgspec.Struct, frozen=True):
    """Who makes a call, and how it is reached while the call runs."""

    notify: OnNotification
    ask: OnRequest
    speaks: Speaks = PLAIN
    headers: Mapping[str, str] | None = None
    """The Mcp-Param-* headers that came with the call, by lower-case name; None where there can be none."""


class HeaderMismatchError(Exception):
    """A header does not say what the argument says that it stands for."""


class Calls(Protocol):
    """What the server asks of the call path."""

    def binding(self, agent: str, user: str) -> ServedBinding | None:
        """The binding served for an agent and user."""

    async def tools(self, binding: ServedBinding) -> bytes:
        """The encoded result of tools/list: all tools of all services the agent may see."""

    def watch_tools(self, agent: str, user: str, changed: Callable[[], None]) -> Callable[[], None]:
        """Tell whenever the list of tools changes; the answer is what ends that."""

    def call(self, binding: ServedBinding, params: bytes, caller: Caller) -> Awaitable[bytes]:
        """The encoded result of tools/call; a failure is a result with isError.

        Cancelling the awaiting task cancels the call upstream.

        Raises:
            UnknownToolError: no such tool, or it is not allowed.
            HeaderMismatchError: the headers that came along contradict the arguments.
            UpstreamFaultError: the upstream answered with a JSON-RPC error.
            ValueError: params are not those of tools/call.
        """
