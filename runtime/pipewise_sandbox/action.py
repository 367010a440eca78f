"""One action being run: what an app's handler is given, and what it hands back.

Handlers live in ``apps``; ``backend`` calls them and turns what they hand back into an MCP result.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pipewise_sandbox.catalog import Tool
from pipewise_sandbox.records import Records


class ActionError(Exception):
    """An action that failed inside the component, as the service behind it would fail it.

    Pipedream reports it among the result's observations (``os[].err``); nothing was changed.
    """

    def __init__(self, message: str, name: str = "Error") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was sent."""

    to: str
    sender: str
    subject: str
    content: str


@dataclass(frozen=True, slots=True)
class Done:
    """What an action returned.

    Attributes:
        ret: The action's return value.
        summary: Its one-line account, ``exports.$summary``.
        mails: The mails it sent.
    """

    ret: Any
    summary: str
    mails: tuple[Mail, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One run of one tool, with its arguments checked and nulls left out."""

    tool: Tool
    arguments: Mapping[str, Any]
    records: Records
    user: str
    now: datetime

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - arguments are JSON
        """An argument, or the default where it was not given."""
        return self.arguments.get(name, default)

    def without(self, *names: str) -> dict[str, Any]:
        """The arguments other than these."""
        return {name: value for name, value in self.arguments.items() if name not in names}

    def number(self) -> int:
        """A number not used before."""
        return self.records.next_number()

    def uuid(self) -> str:
        """A UUID not used before; the same for the same history."""
        spread = self.number() * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)
        return str(UUID(int=spread, version=4))

    def timestamp(self) -> str:
        """Now, as JavaScript writes it."""
        return timestamp(self.now)


Handler = Callable[[Action], Done]


def timestamp(when: datetime) -> str:
    """A moment as JavaScript's ``toISOString`` writes it: UTC, milliseconds, ``Z``."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"
