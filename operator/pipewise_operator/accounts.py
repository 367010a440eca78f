"""Keeps one project's list of connected accounts: in bulk once per interval, by user where it matters."""

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from .desired.account_requests import LISTING_GAP, MOST_LOOKS, ROUND, Budget, is_listing_cheaper, pages
from .desired.rechecks import Rechecks
from .desired.schedule import next_listing, retry_delay
from .doors import Doors
from .failures import PipedreamError, PipedreamUnavailableError, ProjectRefusedError, TokenRejectedError
from .judge.accounts import Account, counts, users_that_differ
from .judge.project import Refused, Unreachable
from .keys import Key
from .records import Listing, ProjectRecord
from .tokens import TokenKeeper

_log = structlog.get_logger()
_TOLD_AFTER = 2
"""One listing that fails is tried again; a second one in a row is told."""


class AccountKeeper:
    """One task that asks Pipedream for accounts; everything it learns goes into the project's record."""

    def __init__(self, doors: Doors, key: Key, record: ProjectRecord, tokens: TokenKeeper) -> None:
        self._doors, self._key, self._record, self._tokens = doors, key, record, tokens
        self._wake = asyncio.Event()
        self._rechecks = Rechecks()
        self._watched: defaultdict[str, dict[str, datetime | None]] = defaultdict(dict)
        self._next_round = self._next_list = doors.world.clock()
        self._budget = Budget(self._next_list)
        self._attempt = 0

    def watch(self, user: str, binding: str, news_at: datetime | None) -> None:
        """Ask again for a user's accounts until `unwatch`; at once if the moment of the last news is new."""
        known = self._watched[user]
        if user in self._rechecks and (news_at is None or known.get(binding) == news_at):
            known.setdefault(binding, news_at)
            return
        known[binding] = news_at
        self._rechecks.ask(user, self._doors.world.clock())
        self._wake.set()

    def unwatch(self, user: str, binding: str) -> None:
        """This binding needs no more looks at its user's accounts."""
        if user in self._watched:
            self._watched[user].pop(binding, None)
            if not self._watched[user]:
                del self._watched[user]
                self._rechecks.settle(user)

    async def run(self) -> None:
        """List and look again until cancelled."""
        while True:
            self._wake.clear()
            now = self._doors.world.clock()
            users = self._due(now)
            if now >= self._next_list:
                await self._list(users)
            elif users and now >= self._round_at(users):
                self._next_round = now + ROUND
                if self._prefers_listing(users):
                    await self._list(users)
                else:
                    pauses = await asyncio.gather(*(self._look(user) for user in users[:MOST_LOOKS]))
                    self._next_round = now + max(ROUND, *pauses)
            else:
                await self._sleep(now, users)

    def _due(self, now: datetime) -> list[str]:
        return [user for user in self._rechecks.due(now) if self._is_wanted(user)]

    def _is_wanted(self, user: str) -> bool:
        """Whether one of the bindings that had this user watched is still there."""
        present = {key.name for key in self._doors.world.of_user[self._key, user]}
        for binding in self._watched[user].keys() - present:
            self.unwatch(user, binding)
        return user in self._watched

    def _prefers_listing(self, users: list[str]) -> bool:
        return is_listing_cheaper(len(users), self._known())

    def _round_at(self, users: list[str]) -> datetime:
        """When these users, who are due, may be asked for."""
        listing = self._record.listing
        if listing is None:
            return self._next_list
        if not self._prefers_listing(users):
            return max(self._next_round, self._budget.allows_at(min(len(users), MOST_LOOKS)))
        affordable = self._budget.allows_at(pages(self._known()))
        return max(self._next_round, affordable, listing.listed_at + LISTING_GAP)

    def _known(self) -> int:
        """The accounts of the project, as far as they were listed."""
        counted = self._record.facts.accounts
        return counted.total if counted is not None else 0

    async def _sleep(self, now: datetime, users: list[str]) -> None:
        soonest = self._round_at(users) if users else self._rechecks.next()
        until = min(self._next_list, soonest or self._next_list)
        try:
            async with asyncio.timeout(max((until - now).total_seconds(), 0.01)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _list(self, due: list[str]) -> None:
        """List all accounts, which answers for the users who are due."""
        began = self._doors.world.clock()
        for user in due:
            self._rechecks.looked_at(user, began, self._interval)
        try:
            accounts = await self._asked(None)
        except PipedreamError as error:
            self._budget.spend(1, began)
            self._next_list = self._failed(error)
            return
        self._attempt = 0
        self._doors.metrics.account_lists.labels(*self._key, "ok").inc()
        by_user: defaultdict[str, list[Account]] = defaultdict(list)
        for account in accounts:
            by_user[account.user].append(account)
        fresh = {user: tuple(sorted(found, key=lambda each: each.id)) for user, found in by_user.items()}
        before = self._record.listing.accounts if self._record.listing else None
        self._record.listing = Listing(fresh, began)
        self._budget.spend(pages(len(accounts)), began)
        self._tell_counts()
        if before is None:
            self._doors.world.dirty.mark(bindings=self._doors.world.of_project[self._key])
        else:
            for user in users_that_differ(before, fresh).union(due):
                self._mark(user)
        self._next_list = next_listing(began, self._interval, self._doors.dice())

    async def _look(self, user: str) -> timedelta:
        """Ask for one user's accounts; how long Pipedream wants to be left alone then."""
        began = self._doors.world.clock()
        self._rechecks.looked_at(user, began, self._interval)
        self._budget.spend(1, began)
        try:
            accounts = await self._asked(user)
        except PipedreamError as error:
            _log.warning(
                "accounts not looked at",
                namespace=self._key.namespace,
                project=self._key.name,
                cause=str(error),
            )
            return timedelta(seconds=_asked_for(error) or 0)
        if (listing := self._record.listing) is not None:
            listing.accounts[user] = tuple(
                sorted((a for a in accounts if a.user == user), key=lambda each: each.id)
            )
            listing.rechecked_at[user] = began
        self._tell_counts()
        self._mark(user)
        return timedelta(0)

    async def _asked(self, user: str | None) -> list[Account]:
        """Ask once, and once more with a new token if the present one is refused."""
        token = await self._tokens.token()
        try:
            return await self._doors.pipedream.accounts(self._record.project, token.value, user)
        except TokenRejectedError:
            self._tokens.reject(token.expires_at, by_runtime=False)
            token = await self._tokens.token()
            return await self._doors.pipedream.accounts(self._record.project, token.value, user)

    def _failed(self, error: PipedreamError) -> datetime:
        self._attempt += 1
        self._doors.metrics.account_lists.labels(*self._key, "failed").inc()
        _log.warning(
            "accounts not listed", namespace=self._key.namespace, project=self._key.name, cause=str(error)
        )
        if self._attempt >= _TOLD_AFTER:
            met = Refused if isinstance(error, ProjectRefusedError) else Unreachable
            self._record.facts = replace(self._record.facts, listing=met(str(error)))
        self._record.tried = True
        self._doors.world.dirty.mark(projects=[self._key])
        longest = max(self._interval, timedelta(seconds=1))
        delay = retry_delay(self._attempt, self._doors.dice(), _asked_for(error), longest=longest)
        return self._doors.world.clock() + delay

    def _tell_counts(self) -> None:
        listing = self._record.listing
        if listing is not None:
            found = counts(account for mine in listing.accounts.values() for account in mine)
            self._record.facts = replace(self._record.facts, accounts=found, listing=None)
            self._record.tried = True
            self._doors.world.dirty.mark(projects=[self._key])

    def _mark(self, user: str) -> None:
        world = self._doors.world
        world.dirty.mark(bindings=world.of_user[self._key, user])

    @property
    def _interval(self) -> timedelta:
        return self._record.project.spec.account_poll_interval


def _asked_for(error: PipedreamError) -> float | None:
    """The seconds for which Pipedream asked to be left alone."""
    return error.retry_after_seconds if isinstance(error, PipedreamUnavailableError) else None
