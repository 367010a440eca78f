"""Which changes of Ready are worth a Kubernetes Event, and on which object.

One cause that touches several bindings (a provider, a quota, a runtime) is told once, on their project.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipewise_crds import (
    BINDING,
    PROJECT,
    AgentMCPBinding,
    BindingStatus,
    ConditionType,
    ObjectMeta,
    Verdict,
)

from .conditions import find

_NOTE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Transition:
    """Ready of one binding changed its reason."""

    binding: ObjectMeta
    project: str
    before: str
    after: str
    is_good: bool
    message: str

    @property
    def cause(self) -> tuple[str, str, str, str, str]:
        """What bindings share that were touched by the same thing."""
        return self.binding.namespace, self.project, self.before, self.after, self.message


@dataclass(frozen=True, slots=True)
class Announcement:
    """An Event before it has a time."""

    kind: str
    about: ObjectMeta
    type: Literal["Normal", "Warning"]
    reason: str
    note: str
    message: str
    """The note without counts: what makes two announcements the same."""


def last_told(binding: AgentMCPBinding, before: str) -> str:
    """The reason that people know of: the binding's present one, or while that is Unknown the one before."""
    ready = find(binding.status.conditions, ConditionType.READY)
    return before if ready is None or ready.reason == Verdict.UNKNOWN else ready.reason


def transition(binding: AgentMCPBinding, after: BindingStatus, before: str) -> Transition | None:
    """The change from what people know of a binding to its next status, if they should hear of it.

    They need not hear of Unknown, nor of a new binding that turned Ready as it should.
    """
    new = find(after.conditions, ConditionType.READY)
    if new is None or new.reason in (before, Verdict.UNKNOWN):
        return None
    is_good = new.status == "True"
    if is_good and before == Verdict.UNKNOWN:
        return None
    return Transition(
        binding=binding.metadata,
        project=binding.spec.project_ref,
        before=before,
        after=new.reason,
        is_good=is_good,
        message=new.message,
    )


def announcements(
    transitions: Sequence[Transition], projects: Sequence[ObjectMeta]
) -> Sequence[Announcement]:
    """What to tell: one announcement per binding, but one, on the project, for several with one cause."""
    by_cause: dict[tuple[str, str, str, str, str], list[Transition]] = {}
    for each in transitions:
        by_cause.setdefault(each.cause, []).append(each)
    known = {(meta.namespace, meta.name): meta for meta in projects}
    told: list[Announcement] = []
    for touched in by_cause.values():
        first = touched[0]
        project = known.get((first.binding.namespace, first.project))
        if len(touched) > 1 and project is not None:
            told.append(_announcement(PROJECT.name, project, first, f"{len(touched)} bindings: "))
        else:
            told += [_announcement(BINDING.name, each.binding, each, "") for each in touched]
    return told


def _announcement(kind: str, about: ObjectMeta, cause: Transition, count: str) -> Announcement:
    message = cause.message
    if cause.is_good and cause.before != Verdict.UNKNOWN:
        message = f"Ready again after {cause.before}"
    return Announcement(
        kind=kind,
        about=about,
        type="Normal" if cause.is_good else "Warning",
        reason=cause.after,
        note=(count + message)[:_NOTE_LENGTH],
        message=message,
    )
