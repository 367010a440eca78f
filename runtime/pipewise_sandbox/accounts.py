"""Connected accounts: whose, of which app, and whether they work."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where accounts live: they are kept apart per project and environment."""

    project: str
    environment: str


@dataclass(frozen=True, slots=True)
class Account:
    """One external user's account of one app."""

    id: str
    place: Place
    user: str
    app: str
    created_at: datetime
    updated_at: datetime
    healthy: bool = True
    dead: bool = False
    error: str | None = None

    @property
    def usable(self) -> bool:
        """Whether a call through it works."""
        return self.healthy and not self.dead


@dataclass(frozen=True, slots=True)
class Health:
    """What may change about an account; None leaves a thing as it is."""

    healthy: bool | None = None
    dead: bool | None = None
    error: str | None = None


class Accounts:
    """All accounts, oldest first."""

    def __init__(self) -> None:
        self.by_id: dict[str, Account] = {}
        self._of_user: dict[tuple[Place, str], list[str]] = {}

    def add(self, place: Place, user: str, app: str, now: datetime) -> Account:
        """Connect a new, healthy account."""
        account = Account(f"apn_{secrets.token_urlsafe(6)}", place, user, app, now, now)
        self.by_id[account.id] = account
        self._of_user.setdefault((place, user), []).append(account.id)
        return account

    def change(self, account_id: str, health: Health, now: datetime) -> Account | None:
        """Set an account's health; the changed account, or None when there is none with this id."""
        account = self.by_id.get(account_id)
        if account is None:
            return None
        healthy = account.healthy if health.healthy is None else health.healthy
        dead = account.dead if health.dead is None else health.dead
        error = (health.error or account.error) if dead or not healthy else None
        changed = replace(account, healthy=healthy, dead=dead, error=error, updated_at=now)
        self.by_id[account_id] = changed
        return changed

    def remove(self, account_id: str) -> Account | None:
        """Disconnect an account; gives it back if it was there."""
        account = self.by_id.pop(account_id, None)
        if account is not None:
            self._of_user[account.place, account.user].remove(account_id)
        return account

    def at(self, place: Place, user: str | None = None, app: str | None = None) -> list[Account]:
        """The accounts of a place, filtered by user and app."""
        if user is None:
            found = [account for account in self.by_id.values() if account.place == place]
        else:
            found = [self.by_id[key] for key in self._of_user.get((place, user), ())]
        return [account for account in found if app in {None, account.app}]

    def users(self, place: Place) -> list[str]:
        """The external users with an account, in the order they came."""
        return list(dict.fromkeys(account.user for account in self.at(place)))

    def used_for(self, place: Place, user: str, app: str, pinned: str | None = None) -> Account | None:
        """The account a call goes through: the pinned one, else the first usable; None: it would fail."""
        usable = [account for account in self.at(place, user, app) if account.usable]
        return next((account for account in usable if pinned in {None, account.id}), None)
