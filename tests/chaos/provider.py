"""The sandbox as the chaos test runs it: the shipped server, whose ledger outlives a kill.

The command `python -m chaos.provider --listen HOST:PORT --seed FILE --journal FILE` writes every execution to
the journal before anybody is answered; what the kernel has taken, no kill of the process takes back.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from pipewise_sandbox.__main__ import listening, server
from pipewise_sandbox.accounts import Account
from pipewise_sandbox.admin_bodies import Seed
from pipewise_sandbox.application import Application
from pipewise_sandbox.backend import Call
from pipewise_sandbox.backend import Run as Executed
from pipewise_sandbox.ledger import Ledger

from .calls import Run


class JournaledLedger(Ledger):
    """A ledger that appends every entry to a file."""

    def __init__(self, journal: Path) -> None:
        super().__init__()
        self._file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, call: Call, run: Executed, account: Account) -> None:
        """Write down an executed run, here and in the journal."""
        noted = len(self.entries)
        super().note(call, run, account)
        for entry in self.entries[noted:]:
            line = {
                "marker": marker_in(entry["arguments"]),
                "effect": entry["effect"],
                "at": call.now.timestamp(),
            }
            os.write(self._file, json.dumps(line).encode() + b"\n")


def marker_in(arguments: dict[str, Any]) -> str:
    """The marker of a call, wherever its tool takes one."""
    return str(next((arguments[name] for name in ("subject", "text", "query") if name in arguments), ""))


def runs_in(journal: Path) -> list[Run]:
    """Everything a journal holds."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [Run(**json.loads(line)) for line in lines]


def main() -> int:
    """Serve until told to stop; the exit status."""
    parser = argparse.ArgumentParser(prog="chaos.provider")
    parser.add_argument("--listen", required=True)
    parser.add_argument("--seed", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    given = parser.parse_args()
    running = server(Seed.model_validate_json(given.seed.read_bytes()))
    application = running.config.app
    if not isinstance(application, Application):
        raise TypeError(f"the sandbox's application is a {type(application).__name__}")
    application.world.ledger = JournaledLedger(given.journal)
    asyncio.run(running.serve(sockets=[listening(given.listen)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
