"""Who leads: the rules by which replicas take, hold and give up one Lease; pure.

Clocks of different machines are never compared: a candidate times, by its own monotonic clock, how long it
has seen the Lease unchanged, and a leader counts its term from before it asked for the renewal. For two
leaders the rates of their clocks would have to differ by more than `duration / deadline`.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what lasts, in seconds."""

    duration_seconds: float = 10.0
    """The Lease is free when it has not changed for so long."""
    deadline_seconds: float = 7.0
    """A leader that has not renewed the Lease for so long leads no more."""
    renew_seconds: float = 2.0
    """A leader renews so often."""
    poll_seconds: float = 0.5
    """Others look so often, so that a Lease that was given up is taken within a second."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says. Two equal records: nobody has renewed it."""

    holder: str
    """Empty: it was given up."""
    renewed: str = ""
    """When, by the holder's clock; a mark that changes, never a moment to reckon with."""
    transitions: int = 0
    duration_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One replica and what it knows of the Lease; None before there is one."""

    name: str
    terms: Terms = Terms()
    record: Record | None = None
    seen_at: float = 0.0
    """When the record was first seen as it is, by this candidate's own clock."""
    leads_until: float | None = None
    """By its own clock; None: it has not led."""

    def leads(self, now: float) -> bool:
        """Whether it may act."""
        return self.leads_until is not None and now < self.leads_until

    def observed(self, record: Record | None, now: float) -> "Candidate":
        """The candidate after it has looked; `now` is when the answer came."""
        return self if record == self.record else replace(self, record=record, seen_at=now)

    def written(self, record: Record, asked_at: float, now: float) -> "Candidate":
        """The candidate after the API server took its record, which it was asked to at `asked_at`."""
        until = asked_at + self.terms.deadline_seconds
        was_leader = self.leads_until is not None
        leads_until = until if was_leader or now < until else None
        return replace(self, record=record, seen_at=now, leads_until=leads_until)


@dataclass(frozen=True, slots=True)
class Take:
    """The Lease is free: write this record."""

    record: Record


@dataclass(frozen=True, slots=True)
class Renew:
    """It is ours and due: write this record."""

    record: Record


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StepDown:
    """It is ours no more: stop everything at once."""

    reason: str


Decision = Take | Renew | Wait | StepDown


def decision(candidate: Candidate, now: float, stamp: str) -> Decision:
    """What a candidate does now; `stamp` is the wall clock's moment, for people who read the Lease."""
    if candidate.leads_until is not None:
        return _as_leader(candidate, candidate.leads_until, now, stamp)
    record, terms = candidate.record, candidate.terms
    changes = 0 if record is None else record.transitions
    if record is None or record.holder in ("", candidate.name):
        return Take(Record(candidate.name, stamp, changes, terms.duration_seconds))
    free_at = candidate.seen_at + max(record.duration_seconds, terms.duration_seconds)
    if now >= free_at:
        return Take(Record(candidate.name, stamp, changes + 1, terms.duration_seconds))
    return Wait(min(terms.poll_seconds, free_at - now))


def _as_leader(candidate: Candidate, until: float, now: float, stamp: str) -> Decision:
    record, terms = candidate.record, candidate.terms
    if now >= until:
        return StepDown(f"it could not be renewed for {terms.deadline_seconds:g} s")
    if record is None:
        return StepDown("it was deleted")
    if record.holder != candidate.name:
        return StepDown(f"{record.holder or 'nobody'} holds it")
    due_at = until - terms.deadline_seconds + terms.renew_seconds
    return Renew(replace(record, renewed=stamp)) if now >= due_at else Wait(due_at - now)


def given_up(candidate: Candidate, stamp: str) -> Record | None:
    """The record by which a candidate gives the Lease up; None when it is not its own."""
    record = candidate.record
    if record is None or record.holder != candidate.name:
        return None
    return replace(record, holder="", renewed=stamp)
