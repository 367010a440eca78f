"""What to do after a try of an operation failed: the table of what may be repeated.

One operation is one try and at most `max_retries` more, all before its deadline. Time and dice are arguments.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from pipewise_crds import Resilience, Verdict

CROWDED_SECONDS = 1.0
"""When to come back where the runtime itself has too much to do."""


class Outcome(StrEnum):
    """What is known of an action that did not succeed."""

    NOT_RUN = "not_run"
    """It certainly did not happen."""
    UNKNOWN = "unknown"
    """It may have happened."""
    FAILED = "failed"
    """A read did not answer; there is nothing that could have happened."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request was written: refused, DNS or TLS failed, or the connection was gone."""

    cause: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The runtime itself does not send it, which speaks against no upstream."""

    cause: str
    retry_after_seconds: float | None = None


NOT_SERVED = HeldBack("the binding does not serve this any more")
"""It went or is paused, or the service went or uses another account."""

CROWDED = HeldBack("calls of this runtime hold all connections to the host", CROWDED_SECONDS)
"""Nor did one become free in time."""


@dataclass(frozen=True, slots=True)
class FateUnknown:
    """Bytes were written and no proper answer came: 5xx, cut, time-out, not the promised content."""

    cause: str


@dataclass(frozen=True, slots=True)
class TokenRejected:
    """401: the request was turned away at the door."""


@dataclass(frozen=True, slots=True)
class SessionLost:
    """404 or 400: the upstream does not know our session."""

    certain: bool = True
    """Whether it says so; a 400 that does not explain itself may mean the request."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: the project's quota is used up."""

    retry_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class AccountRequired:
    """The upstream asks to connect an account; the action did not run."""

    listed_healthy: bool
    """Whether the accounts list says that there is nothing to connect."""
    connect_url: str | None = field(default=None, repr=False)
    """Pipedream's own link for this user: a key to somebody's account, so it never shows in a repr."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Another 4xx: the request itself is not accepted, and repeating it will not help."""

    cause: str


class Forbidden(Refused):
    """403: the token is good, and yet gives no access to the project that is named."""


Happened = (
    NotSent | HeldBack | FateUnknown | TokenRejected | SessionLost | Throttled | AccountRequired | Refused
)


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after a wait."""

    wait_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """Get another token, then try again at once."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Initialise the session anew, then try again at once."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Answer the caller now."""

    verdict: Verdict
    outcome: Outcome
    cause: str
    retry_after_seconds: float | None = None


Decision = Retry | Refresh | Reopen | GiveUp


class Operation(msgspec.Struct, frozen=True):
    """One operation of a caller and how far it has come."""

    read_only: bool
    deadline: float
    """When it must be answered, on the clock that `now` is read from, in seconds."""
    policy: Resilience
    attempts: int = 0
    """Tries begun."""
    retries: int = 0
    """Waits decided on, each to be followed by a try."""
    refreshed: bool = False
    reopened: bool = False
    may_have_run: bool = False
    """Whether an earlier try was sent and its fate is not known."""

    def begun(self) -> "Operation":
        """Another try begins."""
        return msgspec.structs.replace(self, attempts=self.attempts + 1)

    def after(self, happened: Happened, now: float, dice: float) -> tuple["Operation", Decision]:
        """Decide on what happened; `dice` in [0, 1) spreads the waits of many callers."""
        decision = self._decide(happened, now, dice)
        match decision:
            case Retry():
                may_have_run = self.may_have_run or isinstance(happened, FateUnknown)
                retries = self.retries + 1
                return msgspec.structs.replace(self, retries=retries, may_have_run=may_have_run), decision
            case Refresh():
                return msgspec.structs.replace(self, refreshed=True), decision
            case Reopen():
                return msgspec.structs.replace(self, reopened=True), decision
        return self, self.told(decision)

    def cut_short(self, cause: str, *, is_sent: bool) -> GiveUp:
        """What to answer now, although the operation is not over; `is_sent` of the try that is under way."""
        sent = Outcome.FAILED if self.read_only else Outcome.UNKNOWN
        return self.told(GiveUp(Verdict.RUNTIME_UNAVAILABLE, sent if is_sent else Outcome.NOT_RUN, cause))

    def told(self, given_up: GiveUp) -> GiveUp:
        """What to answer knowing the earlier tries too: what may have run is not said not to have."""
        if self.may_have_run and given_up.outcome is Outcome.NOT_RUN:  # a read: a write is not tried again
            return replace(given_up, outcome=Outcome.FAILED)
        return given_up

    def _decide(self, happened: Happened, now: float, dice: float) -> Decision:
        match happened:
            case TokenRejected():
                refused = GiveUp(
                    Verdict.PROJECT_CREDENTIAL_INVALID, Outcome.NOT_RUN, "Pipedream refused our token"
                )
                return refused if self.refreshed or now >= self.deadline else Refresh()
            case SessionLost(certain=False) if not self.read_only:
                cause = "the upstream answered with status 400"
                return GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, cause)
            case SessionLost():
                lost = GiveUp(
                    Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, "the session was lost twice in a row"
                )
                return lost if self.reopened or now >= self.deadline else Reopen()
            case Throttled(retry_after_seconds=wished):
                over = GiveUp(
                    Verdict.QUOTA_EXHAUSTED, Outcome.NOT_RUN, "the project's runs are used up", wished
                )
                return self._retry(over, "quota", now, dice, least=wished or 0.0)
            case AccountRequired(listed_healthy=listed_healthy):
                unusable = GiveUp(
                    Verdict.CREDENTIAL_INVALID, Outcome.NOT_RUN, "the account must be connected"
                )
                return self._retry(unusable, "account", now, dice) if listed_healthy else unusable
            case HeldBack(cause=cause, retry_after_seconds=wait):
                return GiveUp(Verdict.RUNTIME_UNAVAILABLE, Outcome.NOT_RUN, cause, wait)
            case NotSent(cause=cause):
                unsent = GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.NOT_RUN, cause)
                return self._retry(unsent, "not_sent", now, dice)
            case FateUnknown(cause=cause) if self.read_only:
                failed = GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.FAILED, cause)
                return self._retry(failed, "upstream", now, dice)
            case FateUnknown(cause=cause):
                return GiveUp(Verdict.UPSTREAM_UNAVAILABLE, Outcome.UNKNOWN, cause)
        return _turned_down(happened)

    def _retry(self, otherwise: GiveUp, reason: str, now: float, dice: float, least: float = 0.0) -> Decision:
        scheduled = scheduled_wait(self.policy, self.retries)
        spread = scheduled * dice / 4  # also over the end of a Retry-After, which all callers were told alike
        wait = max(min(scheduled + spread, self.policy.max_delay.total_seconds()), least + spread)
        if self.retries >= self.policy.max_retries or now + wait >= self.deadline:
            return otherwise
        return Retry(wait, reason)


def _turned_down(refused: Refused) -> GiveUp:
    if isinstance(refused, Forbidden):
        verdict, advice = Verdict.PROJECT_CREDENTIAL_INVALID, "projectID, environment and OAuth client"
        return GiveUp(verdict, Outcome.NOT_RUN, f"{refused.cause}; check the project's {advice}")
    verdict, advice = Verdict.UPSTREAM_UNAVAILABLE, "check the app's name and the endpoint"
    return GiveUp(verdict, Outcome.NOT_RUN, f"{refused.cause}; {advice}")


def scheduled_wait(policy: Resilience, retries: int) -> float:
    """Seconds to wait before the retry after `retries` earlier ones: 1, 2, 4, 8 by default."""
    doubled = policy.base_delay.total_seconds() * 2.0**retries
    return min(doubled, policy.max_delay.total_seconds())
