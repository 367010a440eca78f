"""Connected accounts as Pipedream lists them, and which of them a service uses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipewise_crds import AccountCounts, AccountState, AccountStatus


@dataclass(frozen=True, slots=True)
class Account:
    """One connected account of one user for one app."""

    id: str
    user: str
    app: str
    healthy: bool
    dead: bool

    @property
    def state(self) -> AccountState:
        """Dead beats unhealthy: only connecting anew helps."""
        if self.dead:
            return "Dead"
        return "Healthy" if self.healthy else "Unhealthy"


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """The account a service would use, and when Pipedream was last asked (None: only remembered)."""

    status: AccountStatus
    checked_at: datetime | None = None

    @property
    def is_unwell(self) -> bool:
        """Whether the account is known not to be usable."""
        return self.status.state in ("Missing", "Unhealthy", "Dead")


UNKNOWN = AccountEvidence(AccountStatus())


def chosen(accounts: Sequence[Account], pinned: str | None) -> AccountStatus:
    """Which of a user's accounts for an app is used: the pinned one, else a healthy one, else the first."""
    if pinned is not None:
        accounts = [account for account in accounts if account.id == pinned]
    for account in [*(a for a in accounts if a.state == "Healthy"), *accounts]:
        return AccountStatus(id=account.id, state=account.state)
    return AccountStatus(id=None, state="Missing")


def counts(accounts: Iterable[Account]) -> AccountCounts:
    """How many accounts there are in each state."""
    states = [account.state for account in accounts]
    return AccountCounts(
        total=len(states),
        healthy=states.count("Healthy"),
        unhealthy=states.count("Unhealthy"),
        dead=states.count("Dead"),
    )


def users_that_differ(
    before: Mapping[str, Sequence[Account]], after: Mapping[str, Sequence[Account]]
) -> set[str]:
    """The users whose accounts are not the same in both listings (keyed by user)."""
    return {user for user in before.keys() | after.keys() if before.get(user) != after.get(user)}
