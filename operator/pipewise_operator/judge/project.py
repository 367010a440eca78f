"""The judgement of a project: what minting and listing have met, in; its status, out."""

from dataclasses import dataclass
from datetime import datetime

from pipewise_crds import (
    AccountCounts,
    ConditionType,
    PipedreamProject,
    ProjectStatus,
    QuotaStatus,
    Reason,
    Verdict,
)

from .conditions import Aspect, aspect, dated, worst
from .evidence import HEALTHY, Finding
from .quota import QuotaSeen

FRESH_TOKENS_REFUSED = 2
"""So many tokens refused in a row, each newly minted, mean that our client is what is refused."""
_CHECK = "check projectID, environment and the OAuth client at Pipedream"


@dataclass(frozen=True, slots=True)
class Refused:
    """Pipedream refuses the client id or secret, or what is asked of the project."""

    message: str


@dataclass(frozen=True, slots=True)
class SecretMissing:
    """The client credentials are not where credentialsSecretRef says."""

    message: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Pipedream does not answer properly; nothing is known about the credentials."""

    message: str


Trouble = Refused | SecretMissing | Unreachable


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What the operator met when it minted tokens and listed accounts."""

    token_expires_at: datetime | None = None
    """The token in the Secret; None before the first."""
    minting: Trouble | None = None
    """What the last minting met, if it failed."""
    listing: Refused | Unreachable | None = None
    """What the last listing of accounts met, if it failed."""
    rejected: bool = False
    """Calls were refused with the token that expires at `token_expires_at`; another one is being minted."""
    rejections: int = 0
    """How many tokens in a row were refused by live calls."""
    accounts: AccountCounts | None = None


def token_finding(name: str, facts: ProjectFacts, now: datetime) -> Finding:
    """Whether calls can be made in the project's name now."""
    if facts.rejections >= FRESH_TOKENS_REFUSED:
        return Finding(
            Verdict.PROJECT_CREDENTIAL_INVALID,
            f"project {name}: Pipedream refuses tokens it has just issued; {_CHECK}",
        )
    if isinstance(facts.listing, Refused):
        return Finding(
            Verdict.PROJECT_CREDENTIAL_INVALID, f"project {name}: {facts.listing.message}; {_CHECK}"
        )
    in_use = facts.token_expires_at is not None and facts.token_expires_at > now
    # While a refused token is being replaced, calls wait for the new one: that is no verdict yet.
    if in_use and not (facts.rejected and facts.minting):
        return HEALTHY
    match facts.minting:
        case Refused(message) | SecretMissing(message):
            return Finding(Verdict.PROJECT_CREDENTIAL_INVALID, f"project {name}: {message}")
        case Unreachable(message):
            return Finding(Verdict.UPSTREAM_UNAVAILABLE, f"project {name}: {message}; minting is tried again")
        case None:
            return Finding(Verdict.UNKNOWN, f"project {name}: no token has been minted yet")


def judge_project(
    project: PipedreamProject, facts: ProjectFacts, seen: QuotaSeen, now: datetime
) -> ProjectStatus:
    """The project's whole status; equal to the present one exactly when there is nothing new to say."""
    credentials = _credentials(project, facts, now)
    quota = Finding(Verdict.QUOTA_EXHAUSTED, seen.message) if seen.message else HEALTHY
    aspects = [
        _ready(project.metadata.name, facts, credentials, quota, now),
        credentials,
        aspect(ConditionType.QUOTA_AVAILABLE, quota),
    ]
    before, generation = project.status, project.metadata.generation
    limits = project.spec.limits
    return ProjectStatus(
        observed_generation=generation,
        conditions=dated(aspects, before.conditions, now, generation),
        token_expires_at=facts.token_expires_at or before.token_expires_at,
        accounts=facts.accounts or before.accounts,
        quota=QuotaStatus(
            limit=limits.tool_runs,
            window=limits.window,
            exhausted_until=_told(seen.refused_until),
            retry_at=_told(seen.retry_at),
        ),
    )


def _told(moment: datetime | None) -> datetime | None:
    """A moment as Kubernetes writes it: so that it equals what was written."""
    return moment.replace(microsecond=0) if moment else None


def _credentials(project: PipedreamProject, facts: ProjectFacts, now: datetime) -> Aspect:
    kind = ConditionType.CREDENTIALS_VALID
    match facts.minting:
        case SecretMissing(message):
            return Aspect(kind, "False", Reason.SECRET_NOT_FOUND, message)
        case Refused(message):
            return Aspect(kind, "False", Verdict.PROJECT_CREDENTIAL_INVALID, message)
        case _:
            finding = token_finding(project.metadata.name, facts, now)
            if finding.verdict is Verdict.UPSTREAM_UNAVAILABLE:
                finding = Finding(Verdict.UNKNOWN, finding.message)
            return aspect(kind, finding)


def _ready(name: str, facts: ProjectFacts, credentials: Aspect, quota: Finding, now: datetime) -> Aspect:
    """Ready takes the credentials' own reason when they are at fault: it says more than the verdict."""
    if credentials.status == "False":
        return Aspect(ConditionType.READY, "False", credentials.reason, credentials.message)
    listing = HEALTHY
    if isinstance(facts.listing, Unreachable):
        listing = Finding(Verdict.UPSTREAM_UNAVAILABLE, f"accounts cannot be listed: {facts.listing.message}")
    found = worst([token_finding(name, facts, now), quota, listing])
    return aspect(
        ConditionType.READY, found if found != HEALTHY else Finding(Verdict.HEALTHY, "tokens are minted")
    )


def judge_invalid_project(project: PipedreamProject, problem: str, now: datetime) -> ProjectStatus:
    """The status of a project whose spec cannot be used: only its conditions change."""
    message = f"spec cannot be used: {problem}; correct the project"
    aspects = [
        Aspect(ConditionType.READY, "False", Reason.INVALID_SPEC, message),
        Aspect(ConditionType.CREDENTIALS_VALID, "Unknown", Reason.INVALID_SPEC, "not judged: see Ready"),
        Aspect(ConditionType.QUOTA_AVAILABLE, "Unknown", Reason.INVALID_SPEC, "not judged: see Ready"),
    ]
    generation = project.metadata.generation
    conditions = dated(aspects, project.status.conditions, now, generation)
    return project.status.model_copy(update={"observed_generation": generation, "conditions": conditions})
