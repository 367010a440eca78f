"""The ledger of what really ran, and the outbox of what was sent: what tests count side effects by."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipewise_sandbox.accounts import Account
from pipewise_sandbox.action import timestamp
from pipewise_sandbox.backend import Call, Run


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are asked for; None matches all."""

    user: str | None = None
    app: str | None = None
    tool: str | None = None
    effect: bool | None = None


class Ledger:
    """Every action that ran to its end, in order; an action that did not is not in it."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.mails: list[dict[str, Any]] = []

    def note(self, call: Call, run: Run, account: Account) -> None:
        """Write down an executed run; anything else is none of the ledger's business."""
        if not run.executed:
            return
        entry = {
            "seq": len(self.entries) + 1,
            "at": timestamp(call.now),
            "project": account.place.project,
            "environment": account.place.environment,
            "user": call.user,
            "app": call.app,
            "tool": call.tool,
            "arguments": dict(call.arguments),
            "account": account.id,
            "effect": run.effect,
        }
        self.entries.append(entry)
        self.mails += [_mail(asdict(mail), call.user, call.now) for mail in run.mails]

    def found(self, query: Query) -> list[dict[str, Any]]:
        """The entries a query asks for."""
        wanted = {name: value for name, value in asdict(query).items() if value is not None}
        return [
            entry for entry in self.entries if all(entry[name] == value for name, value in wanted.items())
        ]


def _mail(mail: dict[str, Any], user: str, now: datetime) -> dict[str, Any]:
    sender = mail.pop("sender")
    return {"to": mail["to"], "from": sender, **mail, "user": user, "at": timestamp(now)}
