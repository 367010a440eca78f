"""Everything the sandbox knows, in one place: ``reset`` is a new one.

Plain state and no IO; the clock is asked here and handed on as a value.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipewise_sandbox.accounts import Accounts
from pipewise_sandbox.backend import Backend
from pipewise_sandbox.connect_tokens import ConnectTokens
from pipewise_sandbox.faults import Faults
from pipewise_sandbox.ledger import Ledger
from pipewise_sandbox.limits import Limits
from pipewise_sandbox.projects import Projects
from pipewise_sandbox.sessions import Sessions
from pipewise_sandbox.settings import Settings


@dataclass(slots=True)
class World:
    """The state of a sandbox."""

    settings: Settings = field(default_factory=Settings)
    projects: Projects = field(default_factory=Projects)
    accounts: Accounts = field(default_factory=Accounts)
    connect_tokens: ConnectTokens = field(default_factory=ConnectTokens)
    sessions: Sessions = field(default_factory=Sessions)
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    ledger: Ledger = field(default_factory=Ledger)
    backend: Backend = field(default_factory=Backend)
    replies: Counter[tuple[str, str]] = field(default_factory=Counter)

    def become(self, other: "World") -> None:
        """Take over another world's state, so that everybody who holds this one starts anew."""
        for name in self.__slots__:
            setattr(self, name, getattr(other, name))


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)
