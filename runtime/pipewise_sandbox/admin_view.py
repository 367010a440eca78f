"""What the admin API shows: the state as JSON, and the same as a page to look at."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from pipewise_sandbox.accounts import Account
from pipewise_sandbox.action import timestamp
from pipewise_sandbox.world import World

_LAST = 50
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{color:#59636e;margin:.2rem 0}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;vertical-align:top;
border-bottom:1px solid #d1d9e0;overflow-wrap:anywhere}th{font-weight:600;color:#59636e;font-size:.85rem}
.none{color:#818b98}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th{border-color:#30363d}}
"""


def account(of: Account) -> dict[str, Any]:
    """One account."""
    return {
        "id": of.id,
        "project": of.place.project,
        "environment": of.place.environment,
        "user": of.user,
        "app": of.app,
        "healthy": of.healthy,
        "dead": of.dead,
        "error": of.error,
    }


def faults(world: World) -> list[dict[str, Any]]:
    """The faults that are on, with what is left of each."""
    return [
        {
            "id": fault_id,
            **fault.model_dump(by_alias=True, exclude_unset=True),
            "left": world.faults.left(fault_id),
        }
        for fault_id, fault in world.faults.on.items()
    ]


def requests(world: World, open_connections: int) -> dict[str, Any]:
    """Replies counted by method and outcome, and what is open."""
    replies: dict[str, dict[str, int]] = defaultdict(dict)
    for (method, outcome), number in world.replies.items():
        replies[method][outcome] = number
    return {"requests": replies, "sessions": len(world.sessions.open), "connections": open_connections}


def state(world: World) -> dict[str, Any]:
    """Everything, secrets shortened."""
    tokens = [
        {"client": token.client_id, "token": f"…{token.value[-4:]}", "expiresAt": timestamp(token.expires_at)}
        for token in world.projects.tokens.values()
    ]
    projects = [
        {"projectID": project.project_id, "clientID": project.client_id}
        for project in world.projects.by_id.values()
    ]
    return {
        "settings": world.settings.model_dump(by_alias=True),
        "projects": projects,
        "tokens": tokens,
        "accounts": [account(each) for each in world.accounts.by_id.values()],
        "faults": faults(world),
        "sessions": len(world.sessions.open),
        "ledger": world.ledger.entries,
        "outbox": world.ledger.mails,
    }


def page(world: World) -> str:
    """The state as a page that renews itself."""
    entries, mails = world.ledger.entries, world.ledger.mails
    accounts = [account(each) for each in world.accounts.by_id.values()]
    sections = [
        _section(
            "Accounts",
            accounts,
            len(accounts),
            ("id", "user", "app", "environment", "healthy", "dead", "error"),
        ),
        _section(
            "Faults", faults(world), len(world.faults.on), ("id", "kind", "app", "method", "when", "left")
        ),
        _section(
            "Ledger", entries, len(entries), ("seq", "at", "user", "app", "tool", "effect", "arguments")
        ),
        _section("Outbox", mails, len(mails), ("at", "to", "from", "subject", "content")),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">'
        f"<title>PipeWise sandbox</title><style>{_STYLE}</style></head><body><h1>PipeWise sandbox</h1>"
        f"<p>A local Pipedream. {len(world.sessions.open)} MCP sessions open, "
        f"{len(world.projects.tokens)} tokens issued. Renewed every two seconds.</p>"
        f"{''.join(sections)}</body></html>"
    )


def _section(title: str, rows: Sequence[dict[str, Any]], number: int, columns: Iterable[str]) -> str:
    """A table of the newest rows, newest first."""
    if not rows:
        return f'<h2>{title}</h2><p class="none">none</p>'
    names = list(columns)
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = [
        "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in names) + "</tr>"
        for row in list(rows)[-_LAST:][::-1]
    ]
    return f"<h2>{title} ({number})</h2><table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case _:
            return escape(str(value))
