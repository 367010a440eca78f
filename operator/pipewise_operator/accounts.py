"""Keeps one project's list of connected accounts: in bulk once per interval, by user where it matters."""

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from .desired import rechecks
from .desired.schedule import next_listing, retry_delay
from .doors import Doors
from .failures import PipedreamUnavailableError, TokenRejectedError
from .judge.accounts import Account, counts, users_that_differ
from .judge.project import Unreachable
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
        self._schedule: rechecks.Schedule = {}
        self._watched: defaultdict[str, dict[str, datetime | None]] = defaultdict(dict)
        self._last_round = self._next_list = doors.world.clock()
        self._attempt = 0

    def watch(self, user: str, binding: str, since: datetime | None) -> None:
        """Ask again for a user's accounts until `unwatch`; at once if `since` (a failed call) is news."""
        known = self._watched[user]
        if user in self._schedule and (since is None or known.get(binding) == since):
            known.setdefault(binding, since)
            return
        known[binding] = since
        self._schedule = rechecks.asked_for(self._schedule, user, self._doors.world.clock())
        self._wake.set()

    def unwatch(self, user: str, binding: str) -> None:
        """This binding needs no more looks at its user's accounts."""
        if user in self._watched:
            self._watched[user].pop(binding, None)
            if not self._watched[user]:
                del self._watched[user]
                self._schedule = rechecks.settled(self._schedule, user)

    async def run(self) -> None:
        """List and look again until cancelled."""
        while True:
            self._wake.clear()
            now = self._doors.world.clock()
            users = self._due(now)
            if now >= self._next_list or self._many(users, now):
                self._next_list = await self._list()
                for user in users:
                    self._schedule = rechecks.looked_at(self._schedule, user, now, self._interval)
            elif users:
                self._last_round = now
                await asyncio.gather(*(self._look(user) for user in users[: rechecks.PER_ROUND]))
            else:
                await self._sleep(now)

    def _due(self, now: datetime) -> list[str]:
        round_at = rechecks.next_round(self._schedule, self._last_round)
        if round_at is None or round_at > now:
            return []
        return [user for user in rechecks.due(self._schedule, now) if self._is_wanted(user)]

    def _is_wanted(self, user: str) -> bool:
        """Whether one of the bindings that had this user watched is still there."""
        present = {key.name for key in self._doors.world.of_user[self._key, user]}
        for binding in self._watched[user].keys() - present:
            self.unwatch(user, binding)
        return user in self._watched

    def _many(self, users: list[str], now: datetime) -> bool:
        listing = self._record.listing
        if listing is None:
            return False
        total = sum(len(mine) for mine in listing.accounts.values())
        return rechecks.calls_for_listing(len(users), total, now - listing.listed_at)

    async def _sleep(self, now: datetime) -> None:
        round_at = rechecks.next_round(self._schedule, self._last_round)
        until = min(self._next_list, round_at or self._next_list)
        try:
            async with asyncio.timeout(max((until - now).total_seconds(), 0.01)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _list(self) -> datetime:
        """List all accounts; when to do so again."""
        began = self._doors.world.clock()
        try:
            accounts = await self._asked(None)
        except (PipedreamUnavailableError, TokenRejectedError) as error:
            return self._failed(error)
        self._attempt = 0
        self._doors.metrics.account_lists.labels(*self._key, "ok").inc()
        by_user: defaultdict[str, list[Account]] = defaultdict(list)
        for account in accounts:
            by_user[account.user].append(account)
        fresh = {user: tuple(sorted(found, key=lambda each: each.id)) for user, found in by_user.items()}
        before = self._record.listing.accounts if self._record.listing else None
        self._record.listing = Listing(fresh, began)
        self._tell_counts()
        if before is None:
            self._doors.world.dirty.mark(bindings=self._doors.world.of_project[self._key])
        else:
            for user in users_that_differ(before, fresh) | self._watched.keys():
                self._mark(user)
        return next_listing(began, self._interval, self._doors.dice())

    async def _look(self, user: str) -> None:
        """Ask for one user's accounts."""
        began = self._doors.world.clock()
        self._schedule = rechecks.looked_at(self._schedule, user, began, self._interval)
        try:
            accounts = await self._asked(user)
        except (PipedreamUnavailableError, TokenRejectedError) as error:
            _log.warning(
                "accounts not looked at",
                namespace=self._key.namespace,
                project=self._key.name,
                cause=str(error),
            )
            return
        listing = self._record.listing
        if listing is None:
            return
        mine = tuple(sorted((a for a in accounts if a.user == user), key=lambda each: each.id))
        listing.accounts = {**listing.accounts, user: mine}
        listing.rechecked_at[user] = began
        self._tell_counts()
        self._mark(user)

    async def _asked(self, user: str | None) -> list[Account]:
        """Ask once, and once more with a new token if the present one is refused."""
        token = await self._tokens.token()
        try:
            return await self._doors.pipedream.accounts(self._record.project, token.value, user)
        except TokenRejectedError:
            self._tokens.reject(token.expires_at, by_runtime=False)
            token = await self._tokens.token()
            return await self._doors.pipedream.accounts(self._record.project, token.value, user)

    def _failed(self, error: PipedreamUnavailableError | TokenRejectedError) -> datetime:
        self._attempt += 1
        self._doors.metrics.account_lists.labels(*self._key, "failed").inc()
        _log.warning(
            "accounts not listed", namespace=self._key.namespace, project=self._key.name, cause=str(error)
        )
        if self._attempt >= _TOLD_AFTER:
            self._record.facts = replace(self._record.facts, listing=Unreachable(str(error)))
        self._record.tried = True
        self._doors.world.dirty.mark(projects=[self._key])
        asked = error.retry_after_seconds if isinstance(error, PipedreamUnavailableError) else None
        delay = retry_delay(
            self._attempt, self._doors.dice(), asked, longest=max(self._interval, timedelta(seconds=1))
        )
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
