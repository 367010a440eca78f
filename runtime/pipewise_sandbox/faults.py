"""Fault switches: which requests they hit, how often, and which of several decides.

Pure; ``exchange`` carries them out on the wire, ``mcp_methods`` those that are a matter of MCP.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field, model_validator

from pipewise_sandbox.reply import WAIT_HEADERS, WaitHeader
from pipewise_sandbox.settings import Body

Kind = Literal[
    "status", "drop", "delay", "hang", "session_lost", "unauthorized", "html", "wrong_content_type",
    "account_required", "tool_error", "rpc_error", "no_tools", "oversized", "truncated", "bad_json",
    "slow_drip", "quota", "webhook_lost", "webhook_twice",
]  # fmt: skip
_ONLY = {
    "account_required": ("tools/call",),
    "tool_error": ("tools/call",),
    "oversized": ("tools/call",),
    "quota": ("tools/call",),
    "no_tools": ("tools/list",),
    "webhook_lost": ("webhook",),
    "webhook_twice": ("webhook",),
}
_SESSIONLESS = ("initialize", "server/discover")
_ADDED = ("delay",)
_ELSEWHERE = ("rest:", "webhook")


@dataclass(frozen=True, slots=True)
class Occasion:
    """A request, as faults see it: ``method`` is JSON-RPC's, or ``rest:<route>``, or ``webhook``."""

    method: str
    app: str = ""
    user: str = ""
    tool: str = ""


class Fault(Body):
    """One fault switch, as the admin API takes it.

    Matching: ``app`` and ``user`` exactly; ``method`` and ``tool`` may hold ``*``. Without ``method``, a
    fault hits MCP requests only (those its kind makes sense for), never REST.

    Attributes:
        when: ``before`` the action runs (it does not), ``after`` it ran, or ``mid``-reply.
        times: How often it hits before it is spent.
        status: The HTTP status; of ``status`` (503) and ``session_lost`` (404).
        retry_after: Seconds for ``Retry-After``.
        wait_headers: Which headers of a ``quota`` fault say so; both unless told otherwise.
        seconds: The length of a ``delay`` or ``slow_drip``.
    """

    kind: Kind
    app: str | None = None
    user: str | None = None
    method: str | None = None
    tool: str | None = None
    times: int | None = Field(default=None, ge=1)
    when: Literal["before", "after", "mid"] = "before"
    status: int | None = Field(default=None, ge=100, le=599)
    retry_after: float | None = Field(default=None, ge=0)
    wait_headers: tuple[WaitHeader, ...] = WAIT_HEADERS
    body: str | None = None
    content_type: str | None = None
    seconds: float = Field(default=1.0, ge=0)
    code: int = -32603
    message: str = "Internal error"
    tools: list[str] | None = None
    bytes: int = Field(default=16 * 1024 * 1024, ge=0)

    @model_validator(mode="after")
    def _only_a_drop_is_mid(self) -> "Fault":
        if self.when == "mid" and self.kind != "drop":
            raise ValueError(f"a {self.kind} fault cannot happen mid-reply: when is before or after")
        return self

    def hits(self, occasion: Occasion) -> bool:
        """Whether a request is one this fault is meant for."""
        if self.app not in {None, occasion.app} or self.user not in {None, occasion.user}:
            return False
        if self.tool is not None and not fnmatchcase(occasion.tool, self.tool):
            return False
        if self.kind == "session_lost" and occasion.method in _SESSIONLESS:
            return False
        if self.method is not None:
            return fnmatchcase(occasion.method, self.method)
        if self.kind in _ONLY:
            return occasion.method in _ONLY[self.kind]
        return not occasion.method.startswith(_ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Taken:
    """What befalls one request: every delay, and the one fault that decides its reply."""

    delays: tuple[Fault, ...] = ()
    decisive: Fault | None = None

    def delay_seconds(self, when: str) -> float:
        """How long the request waits before or after the action."""
        return sum(fault.seconds for fault in self.delays if fault.when == when)


_NOTHING = Taken()


class Faults:
    """The switches that are on. The oldest match decides a reply; delays add up."""

    def __init__(self) -> None:
        self.on: dict[int, Fault] = {}
        self._left: dict[int, int] = {}
        self._last_id = 0

    def add(self, fault: Fault) -> int:
        """Switch a fault on; its id."""
        self._last_id += 1
        self.on[self._last_id] = fault
        if fault.times is not None:
            self._left[self._last_id] = fault.times
        return self._last_id

    def remove(self, fault_id: int) -> bool:
        """Switch a fault off; whether it was on."""
        self._left.pop(fault_id, None)
        return self.on.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Switch all faults off."""
        self.on.clear()
        self._left.clear()

    def left(self, fault_id: int) -> int | None:
        """How often a fault will still hit; None for ever."""
        return self._left.get(fault_id)

    def take(self, occasion: Occasion) -> Taken:
        """The faults for one request; each taken one counts down."""
        if not self.on:
            return _NOTHING
        matching = [(fault_id, fault) for fault_id, fault in self.on.items() if fault.hits(occasion)]
        delays = [pair for pair in matching if pair[1].kind in _ADDED]
        decisive = [pair for pair in matching if pair[1].kind not in _ADDED][:1]
        for fault_id, _ in delays + decisive:
            self._count_down(fault_id)
        return Taken(tuple(fault for _, fault in delays), decisive[0][1] if decisive else None)

    def _count_down(self, fault_id: int) -> None:
        if fault_id not in self._left:
            return
        self._left[fault_id] -= 1
        if self._left[fault_id] == 0:
            self.remove(fault_id)
