"""Conditions: how findings become True, False or Unknown, and when they last changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipewise_crds import PRECEDENCE, Condition, ConditionStatus, ConditionType, Reason, Verdict

from .evidence import HEALTHY, Finding

_GOOD = {
    ConditionType.READY: (Reason.READY, "a call made now is expected to work"),
    ConditionType.CREDENTIALS_VALID: (Reason.VALID, ""),
}


@dataclass(frozen=True, slots=True)
class Aspect:
    """A condition before it has a time."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""


def worst(findings: Iterable[Finding]) -> Finding:
    """The finding that gives the reason: the first by PRECEDENCE, its distinct messages joined."""
    found = list(findings)
    for verdict in PRECEDENCE:
        messages = dict.fromkeys(f.message for f in found if f.verdict is verdict)
        if messages:
            return Finding(verdict, "; ".join(message for message in messages if message))
    return HEALTHY


def aspect(kind: ConditionType, finding: Finding) -> Aspect:
    """The condition that a finding makes."""
    match finding.verdict:
        case Verdict.HEALTHY:
            reason, message = _GOOD.get(kind, (Reason.AVAILABLE, ""))
            return Aspect(kind, "True", reason, finding.message or message)
        case Verdict.UNKNOWN:
            return Aspect(kind, "Unknown", Verdict.UNKNOWN, finding.message)
        case verdict:
            return Aspect(kind, "False", verdict, finding.message)


def dated(
    aspects: Sequence[Aspect], before: Sequence[Condition], now: datetime, generation: int
) -> list[Condition]:
    """Give conditions their times: a condition whose status is unchanged keeps its time."""
    known = {condition.type: condition for condition in before}
    moment = now.replace(microsecond=0)
    conditions = []
    for each in aspects:
        old = known.get(each.type)
        since = old.last_transition_time if old and old.status == each.status else moment
        conditions.append(
            Condition(
                type=each.type,
                status=each.status,
                reason=each.reason,
                message=each.message,
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return conditions


def find(conditions: Sequence[Condition], kind: ConditionType) -> Condition | None:
    """The condition of one type, if it is there."""
    return next((condition for condition in conditions if condition.type == kind), None)
