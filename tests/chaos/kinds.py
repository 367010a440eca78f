"""What can go wrong: every kind of fault, the part of the system it strikes, and what may strike together.

Pure data; `plan` deals faults from it and `troubles` carries them out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .calls import INJECTED

Part = Literal[
    "switch", "line", "sandbox", "token", "account", "runtime", "operator", "apiserver", "binding", "client"
]
"""What a fault strikes; a `switch` is one of the sandbox's own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: what it is called in the report.
        part: what it strikes.
        fields: the body of the sandbox's switch, where it is one.
        ranges: further fields of that body, each drawn evenly from a range or from a choice.
        may_be_wide: whether it may hit every MCP request and not only tools/call.
    """

    name: str
    part: Part
    fields: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    may_be_wide: bool = False


_CALL = {"method": "tools/call"}
_STATUSES = {"status": (500, 502, 503, 504, 520)}
_SLOW = {"seconds": (0.2, 0.8, 2.0, 4.0)}


def _switch(
    name: str, *, wide: bool = False, ranges: Mapping[str, tuple[Any, ...]] | None = None, **fields: object
) -> Kind:
    return Kind(name, "switch", {**_CALL, **fields}, ranges or {}, wide)


SWITCHES = (
    _switch("status_before", kind="status", when="before", ranges=_STATUSES, wide=True),
    _switch("status_after", kind="status", when="after", ranges=_STATUSES),
    _switch("drop_before", kind="drop", when="before", wide=True),
    _switch("drop_after", kind="drop", when="after"),
    _switch("drop_mid", kind="drop", when="mid", wide=True),
    _switch("delay_before", kind="delay", when="before", ranges=_SLOW, wide=True),
    _switch("delay_after", kind="delay", when="after", ranges=_SLOW),
    _switch("hang_before", kind="hang", when="before", wide=True),
    _switch("hang_after", kind="hang", when="after"),
    _switch("session_lost_404", kind="session_lost", status=404),
    _switch("session_lost_400", kind="session_lost", status=400),
    _switch("unauthorized", kind="unauthorized", wide=True),
    _switch("html", kind="html", wide=True, ranges={"when": ("before", "after")}),
    _switch("wrong_content_type", kind="wrong_content_type", wide=True),
    _switch("bad_json", kind="bad_json", wide=True),
    _switch("truncated", kind="truncated", wide=True),
    _switch("account_required", kind="account_required"),
    _switch("quota", kind="quota", ranges={"retryAfter": (1, 2)}),
    _switch("slow_drip", kind="slow_drip", ranges=_SLOW, wide=True),
    _switch("tool_error", kind="tool_error", ranges={"when": ("before", "after")}),
    _switch("rpc_error", kind="rpc_error", message=INJECTED, ranges={"when": ("before", "after")}),
    _switch("sessions_refused", kind="status", method="initialize", ranges=_STATUSES),
    _switch("listing_refused", kind="status", method="tools/list", ranges=_STATUSES),
    _switch("rest_refused", kind="status", method="rest:*", ranges=_STATUSES),
    _switch("rest_cut", kind="drop", method="rest:*"),
)
OTHERS = (
    Kind("line_refused", "line"),
    Kind("line_cut", "line"),
    Kind("line_stalled", "line"),
    Kind("line_slow", "line"),
    Kind("request_cut", "line"),
    Kind("request_halved", "line"),
    Kind("reply_cut", "line"),
    Kind("reply_halved", "line"),
    Kind("sandbox_killed", "sandbox"),
    Kind("sandbox_frozen", "sandbox"),
    Kind("tokens_expired", "token"),
    Kind("account_died", "account"),
    Kind("runtime_killed", "runtime"),
    Kind("runtime_terminated", "runtime"),
    Kind("operator_killed", "operator"),
    Kind("operator_terminated", "operator"),
    Kind("operator_frozen", "operator"),
    Kind("apiserver_killed", "apiserver"),
    Kind("binding_changed", "binding"),
    Kind("binding_paused", "binding"),
    Kind("binding_deleted", "binding"),
    Kind("project_changed", "binding"),
    Kind("clients_leave", "client"),
    Kind("clients_cancel", "client"),
)
KINDS = (*SWITCHES, *OTHERS)

MOST_SWITCHES = 2
_APART = (
    frozenset({"sandbox", "switch"}),
    frozenset({"sandbox", "account"}),
    frozenset({"sandbox", "token"}),
    frozenset({"apiserver", "binding"}),
)
"""A sandbox that is away cannot be turned; without an API server nobody can change a binding."""


def go_together(parts: Iterable[Part]) -> bool:
    """Whether faults of these parts can be had at the same time."""
    struck = list(parts)
    if struck.count("switch") > MOST_SWITCHES:
        return False
    alone = [part for part in struck if part != "switch"]
    return len(alone) == len(set(alone)) and not any(pair <= set(struck) for pair in _APART)
