"""Leads while it holds the Lease: asks and tells the API server what `desired.leadership` decides.

Losing the Lease ends the program: a new start is simpler than calling back one by one whatever is under way.
Until it has ended, `leads` lets no write through (see `cluster`), also when the whole process stood still.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from .desired.leadership import Candidate, Record, Renew, StepDown, Take, Wait, decision, given_up
from .failures import ClusterError, NotFoundError, OperatorError
from .leases import lease_of, record_in

_log = structlog.get_logger()
_TIMEOUT_SECONDS = 3.0
_RETRY_SECONDS = 0.5


class LeaseLostError(OperatorError):
    """Somebody else may lead now: nothing may be written any more."""


class Leases(Protocol):
    """Where the Lease is kept."""

    async def lease(self, namespace: str, name: str) -> dict[str, Any]:
        """Read it."""

    async def write_lease(self, lease: dict[str, Any]) -> dict[str, Any]:
        """Create it, or replace the one with its resourceVersion."""


@dataclass(slots=True)
class Leadership:
    """Whether this process may act now: everybody asks, the election answers."""

    candidate: Candidate | None
    """None: there is no election, this process is the only one."""
    clock: Callable[[], float] = time.monotonic
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it first leads."""

    def leads(self) -> bool:
        """Whether this process may write now."""
        return self.candidate is None or self.candidate.leads(self.clock())


class Election:
    """Campaigns, renews, and gives the Lease up on a graceful stop."""

    def __init__(self, leases: Leases, leadership: Leadership, namespace: str, name: str) -> None:
        self._leases, self.leadership = leases, leadership
        self._namespace, self._name = namespace, name
        self._seen: dict[str, Any] | None = None

    async def run(self) -> None:
        """Take part until cancelled.

        Raises:
            LeaseLostError: this process led and does no more.
        """
        leadership = self.leadership
        if leadership.candidate is None:
            leadership.begun.set()
            return
        is_known = False
        while True:
            if not is_known:
                is_known = await self._turn(self._look())
                continue
            match decision(leadership.candidate, leadership.clock(), _stamp()):
                case StepDown(reason):
                    raise LeaseLostError(f"lease {self._namespace}/{self._name} is lost: {reason}")
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                    is_known = leadership.candidate.leads_until is not None
                case Take(record) | Renew(record):
                    # Refused, it was another one's turn, or an answer of ours went missing: look again.
                    is_known = await self._turn(self._write(record))

    async def give_up(self) -> None:
        """Let another replica take over at once."""
        candidate = self.leadership.candidate
        record = given_up(candidate, _stamp()) if candidate else None
        if candidate is None or record is None:
            return
        # Nobody may write for us from now on, whatever becomes of the request.
        self.leadership.candidate = Candidate(candidate.name, candidate.terms)
        try:
            async with asyncio.timeout(1):
                await self._leases.write_lease(lease_of(self._namespace, self._name, record, self._seen))
        except (ClusterError, TimeoutError) as error:
            _log.warning("lease not given up; it ends by itself", cause=str(error))

    async def _turn(self, request: Awaitable[None]) -> bool:
        """One request, bounded; False when it has to be tried again, and the term runs on meanwhile.

        Raises:
            LeaseLostError: it runs out.
        """
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await request
        except (ClusterError, TimeoutError) as error:
            _log.warning("lease not reached; tried again", cause=str(error) or type(error).__name__)
            if self.leadership.begun.is_set() and not self.leadership.leads():
                raise LeaseLostError("the lease could not be renewed in time") from error
            await asyncio.sleep(_RETRY_SECONDS)
            return False
        return True

    async def _look(self) -> None:
        try:
            self._saw(await self._leases.lease(self._namespace, self._name))
        except NotFoundError:
            self._saw(None)

    def _saw(self, lease: dict[str, Any] | None) -> None:
        self._seen = lease
        leadership = self.leadership
        if leadership.candidate is not None:
            record = None if lease is None else record_in(lease)
            leadership.candidate = leadership.candidate.observed(record, leadership.clock())

    async def _write(self, record: Record) -> None:
        leadership, asked_at = self.leadership, self.leadership.clock()
        self._seen = await self._leases.write_lease(lease_of(self._namespace, self._name, record, self._seen))
        if leadership.candidate is not None:
            leadership.candidate = leadership.candidate.written(
                record_in(self._seen), asked_at, leadership.clock()
            )
            if leadership.leads() and not leadership.begun.is_set():
                _log.info("leading", holder=record.holder, transitions=record.transitions)
                leadership.begun.set()


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
