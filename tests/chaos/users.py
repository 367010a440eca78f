"""The users: each makes one call after the other through the runtime, and notes what it was told.

No call is ever made twice: each carries a marker of its own, by which the provider's journal tells how often
it ran.
"""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx2

from .calls import NOTHING, Answer, Asked, Broken, Call, Cancelled, Left, Odd, Succeeded
from .ways import Posting, Way, way_of

DEADLINE_SECONDS: Mapping[str, float] = {"sendgrid": 3.0, "twitter": 5.0}
"""How long an operation on each app may take; also in the bindings."""

_THINKS_SECONDS = 0.2
_RECONNECTS_AFTER_SECONDS = 0.3
_HEADERS = {"accept": "application/json, text/event-stream"}


@dataclass(slots=True)
class Crowd:
    """Users who call at the same time.

    Attributes:
        base_url: where the runtime serves agents.
        users: their names.
        seed: of their dice.
        calls: what they made, in the order of the answers.
        leave: the share of calls on which the user does not wait for the answer.
        cancel: the share of calls that the user takes back.
    """

    base_url: str
    users: Sequence[str]
    seed: int
    calls: list[Call] = field(default_factory=list)
    leave: float = 0.0
    cancel: float = 0.0
    _worked: dict[tuple[str, str], float] = field(default_factory=dict)
    _number: int = 0
    _stopping: bool = False

    async def call(self) -> None:
        """Let everybody call until `stop` is called; then all calls have their answers."""
        self._stopping = False
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=len(self.users))
        async with (
            httpx2.AsyncClient(
                base_url=self.base_url, headers=_HEADERS, limits=limits, trust_env=False, verify=False
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for number, user in enumerate(self.users):
                tasks.create_task(self._live(way_of(number, client, user), user))

    def stop(self) -> None:
        """Let nobody begin another call."""
        self._stopping = True

    def all_worked_since(self, moment: float) -> bool:
        """Whether everybody has had a call succeed at every app that was begun after a moment."""
        pairs = [(user, app) for user in self.users for app in DEADLINE_SECONDS]
        return all(self._worked.get(pair, 0.0) > moment for pair in pairs)

    async def _live(self, way: Way, user: str) -> None:
        dice = Random(f"{self.seed} {user} {self._number}")  # noqa: S311 - reproducible is the point
        apps = itertools.cycle(dice.sample(list(DEADLINE_SECONDS), len(DEADLINE_SECONDS)))
        while not self._stopping:
            await asyncio.sleep(dice.expovariate(1 / _THINKS_SECONDS))
            asked = self._thought_up(user, next(apps), dice)
            begun, started = time.time(), time.monotonic()
            answer = await self._answer(way, asked, dice)
            call = Call(asked, begun, time.monotonic() - started, answer)
            self.calls.append(call)
            if isinstance(answer, Succeeded):
                self._worked[user, asked.app] = begun
            elif isinstance(answer, Broken):
                await asyncio.sleep(_RECONNECTS_AFTER_SECONDS)
        await way.close()

    def _thought_up(self, user: str, app: str, dice: Random) -> Asked:
        self._number += 1
        marker = f"{self.seed}-{user}-{self._number}"
        tool, writes, arguments = dice.choice(_WISHES[app])(marker)
        return Asked(marker, user, app, tool, writes, arguments, DEADLINE_SECONDS[app])

    async def _answer(self, way: Way, asked: Asked, dice: Random) -> Answer:
        """Make the call; sometimes its user goes away or takes it back meanwhile."""
        chance, moment = dice.random(), dice.uniform(0.0, 0.2)
        if chance < self.leave:
            try:
                async with asyncio.timeout(moment):
                    return await way.ask(asked)
            except TimeoutError:
                return Left()
        if chance < self.leave + self.cancel and isinstance(way, Posting):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_take_back(way, asked, moment))
                return _of_taken_back(await way.ask(asked))
        return await way.ask(asked)


async def _take_back(way: Posting, asked: Asked, after_seconds: float) -> None:
    await asyncio.sleep(after_seconds)
    await way.take_back(asked)


def _of_taken_back(answer: Answer) -> Answer:
    """An event stream that ends without a response is how MCP answers a call that was taken back."""
    return Cancelled() if answer == Odd(NOTHING) else answer


Wish = tuple[str, bool, Mapping[str, Any]]


def _mail(marker: str) -> Wish:
    mail = {"fromEmail": "a@x.io", "toEmail": "b@y.io", "subject": marker, "content": "chaos"}
    return "sendgrid-send-email-single-recipient", True, mail


def _search_contacts(marker: str) -> Wish:
    return "sendgrid-search-contacts", False, {"query": marker}


def _tweet(marker: str) -> Wish:
    return "twitter-create-tweet", True, {"text": marker}


def _search_tweets(marker: str) -> Wish:
    return "twitter-simple-search", False, {"query": marker, "maxResults": 10}


_WISHES = {"sendgrid": (_mail, _mail, _search_contacts), "twitter": (_tweet, _tweet, _search_tweets)}
