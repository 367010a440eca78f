"""The words in which health is told: verdicts, condition types and reasons. They are API."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from .model import Model, Timestamp


class Verdict(StrEnum):
    """What is true of a service of a binding; never two of them mixed up."""

    HEALTHY = "Healthy"
    CREDENTIAL_INVALID = "CredentialInvalid"
    """The user's account for the app is missing, dead or unhealthy: the end user mends it."""
    QUOTA_EXHAUSTED = "QuotaExhausted"
    """The project's runs are used up until a known moment: the platform raises the limit or waits."""
    UPSTREAM_UNAVAILABLE = "UpstreamUnavailable"
    """The service or Pipedream does not answer properly: the provider mends it."""
    RUNTIME_UNAVAILABLE = "RuntimeUnavailable"
    """No ready runtime serves the binding: the platform mends it."""
    PROJECT_CREDENTIAL_INVALID = "ProjectCredentialInvalid"
    """Pipedream refuses our own client secret: the platform mends it."""
    UNKNOWN = "Unknown"
    """No evidence yet; neither healthy nor failed."""


PRECEDENCE = (
    Verdict.RUNTIME_UNAVAILABLE,
    Verdict.PROJECT_CREDENTIAL_INVALID,
    Verdict.CREDENTIAL_INVALID,
    Verdict.QUOTA_EXHAUSTED,
    Verdict.UPSTREAM_UNAVAILABLE,
    Verdict.UNKNOWN,
)
"""Which verdict gives Ready its reason when several hold: the first of these."""


class ConditionType(StrEnum):
    """The conditions of a binding (all five) and of a project (Ready, CredentialsValid, QuotaAvailable)."""

    READY = "Ready"
    CREDENTIALS_VALID = "CredentialsValid"
    UPSTREAMS_AVAILABLE = "UpstreamsAvailable"
    QUOTA_AVAILABLE = "QuotaAvailable"
    RUNTIME_AVAILABLE = "RuntimeAvailable"


class Reason(StrEnum):
    """Reasons of conditions beside the verdicts, which are used as reasons under their own names."""

    READY = "Ready"
    AVAILABLE = "Available"
    VALID = "Valid"
    PAUSED = "Paused"
    CONFLICT = "Conflict"
    """Another, older binding serves the same agent and user."""
    INVALID_SPEC = "InvalidSpec"
    PROFILE_NOT_FOUND = "ProfileNotFound"
    """No services are given and no profile has the agent's name."""
    PROJECT_NOT_FOUND = "ProjectNotFound"
    SECRET_NOT_FOUND = "SecretNotFound"
    """The project's client credentials are not where credentialsSecretRef says."""
    DEMO = "Demo"
    """A required service answers with made-up results because its account cannot be used."""


ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Model):
    """One aspect of an object's state, in the form of Kubernetes' own conditions."""

    type: str = Field(description="Aspect of state this condition reports.", max_length=316)
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: str = Field(description="Why, as one CamelCase word.", max_length=1024)
    message: str = Field(default="", description="Why, for people.", max_length=32768)
    last_transition_time: Timestamp = Field(description="When the status last changed.")
    observed_generation: int = Field(
        default=0, description="The generation of spec the condition was judged from.", ge=0
    )
