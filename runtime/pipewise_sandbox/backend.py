"""The sandbox's pure heart: 158 real tools and their stateful results.

No IO beyond reading its own catalogue once, no clock, no dice. The server (``server``) runs it behind HTTP;
the runtime's demo mode calls it in process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from pipewise_sandbox import results

if TYPE_CHECKING:
    from pipewise_sandbox.action import Mail
    from pipewise_sandbox.catalog import Tool
    from pipewise_sandbox.records import Records


@dataclass(frozen=True, slots=True)
class Call:
    """One ``tools/call``.

    Attributes:
        user: The external user.
        app: The app's slug.
        tool: The tool's full name, ``<app>-<phrase>``.
        arguments: What the tool is given.
        now: The moment of the call; must be aware of its time zone.
        account: The connected account that is used. What was made through one account is found through that
            account only; without one, through the same user.
    """

    user: str
    app: str
    tool: str
    arguments: Mapping[str, Any]
    now: datetime
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a call.

    Attributes:
        result: The MCP result.
        executed: Whether the action ran to its end; false for a refused or failed one.
        effect: Whether the action is one that writes.
        mails: The mails it sent.
    """

    result: results.Result
    executed: bool
    effect: bool
    mails: "tuple[Mail, ...]" = ()


class Backend:
    """All apps of the sandbox, with what their accounts hold. Not for use from several threads at once."""

    __slots__ = ("_numbers", "_places")

    def __init__(self) -> None:
        self._numbers = count(1)
        self._places: dict[tuple[str, str], Records] = {}

    def tools(self, app: str) -> Sequence[dict[str, Any]]:
        """The MCP tool definitions of an app, as served; none for an app the sandbox does not know."""
        from pipewise_sandbox.catalog import apps  # noqa: PLC0415 - importing this module must stay light

        known = apps().get(app)
        return known.definitions if known else []

    def call(self, call: Call) -> results.Result:
        """Run a tool; the MCP result (``content``, ``isError``, ``_meta``), also where the tool fails."""
        return self.run(call).result

    def run(self, call: Call) -> Run:
        """Run a tool, and say what came of it besides the result."""
        from pipewise_sandbox.catalog import tool_of  # noqa: PLC0415 - importing this module must stay light
        from pipewise_sandbox.schema import problems  # noqa: PLC0415 - likewise

        request_id = self._request_id()
        tool = tool_of(call.app, call.tool)
        if tool is None:
            return Run(results.unknown_tool(call.tool, request_id), executed=False, effect=False)
        if issues := problems(tool.arguments, call.arguments):
            refusal = results.invalid_arguments(call.tool, issues, request_id)
            return Run(refusal, executed=False, effect=not tool.reads)
        return self._executed(tool, call, request_id)

    def _executed(self, tool: "Tool", call: Call, request_id: str) -> Run:
        from pipewise_sandbox.action import Action, ActionError  # noqa: PLC0415 - likewise
        from pipewise_sandbox.apps import handler_of  # noqa: PLC0415 - likewise

        given = {name: value for name, value in call.arguments.items() if value is not None}
        action = Action(tool, given, self._records(call), call.user, call.now)
        try:
            done = handler_of(tool)(action)
        except ActionError as error:
            failure = results.failed_inside(str(error), error.name, call.now, request_id)
            return Run(failure, executed=False, effect=not tool.reads)
        result = results.returned(done.ret, done.summary, request_id)
        return Run(result, executed=True, effect=not tool.reads, mails=done.mails)

    def _records(self, call: Call) -> "Records":
        from pipewise_sandbox.records import Records  # noqa: PLC0415 - likewise

        place = (call.app, call.account or f"user:{call.user}")
        if place not in self._places:
            self._places[place] = Records(lambda: next(self._numbers))
        return self._places[place]

    def _request_id(self) -> str:
        return f"req_{next(self._numbers) * 2_654_435_761 % (1 << 32):08x}"
