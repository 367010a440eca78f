"""A user's connected accounts as values, and the two questions asked about them.

Pipedream holds the accounts; `binding_accounts` and `pipedream_accounts` ask for them. None are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pipewise_crds import AccountState
from pipewise_crds.apps import title_of


@dataclass(frozen=True, slots=True)
class McpCredentials:
    """The state of a user's account for one app; which account, never what opens it."""

    app: str
    state: AccountState
    account_id: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether a call made now finds an account."""
        return self.state == "Healthy"

    @property
    def title(self) -> str:
        """The app's name as people know it."""
        return title_of(self.app)


@dataclass(frozen=True, slots=True)
class ConnectLink:
    """Where a user connects an account. Whoever has it can connect theirs: show it to that user only."""

    url: str = field(repr=False)
    expires_at: datetime


class AccountsUnavailableError(Exception):
    """The accounts cannot be asked for now; nothing is known about them."""


class ConnectLinkUnavailableError(Exception):
    """No link can be made here; the message says who can."""


class Accounts(Protocol):
    """Who knows a user's accounts."""

    async def of_user(self, user_id: str) -> Sequence[McpCredentials]:
        """All the user's accounts that are known, any number for an app.

        Raises:
            AccountsUnavailableError: they cannot be asked for now.
        """

    async def connect_link(self, user_id: str, app: str) -> ConnectLink:
        """A fresh link with which the user connects an account for the app.

        Raises:
            AccountsUnavailableError: Pipedream does not answer.
            ConnectLinkUnavailableError: links are not made here.
        """


def chosen(accounts: Sequence[McpCredentials], app: str) -> McpCredentials | None:
    """The account that calls of the app use: the first healthy one, else the first."""
    candidates = [account for account in accounts if account.app == app]
    return next(
        (account for account in candidates if account.is_usable), candidates[0] if candidates else None
    )
