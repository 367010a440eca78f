"""AgentMCPBinding: agent A, acting for user U, needs these services."""

from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from .durations import Between
from .model import Model, ObjectMeta, Timestamp
from .rules import Immutable, Matching
from .verdicts import Condition, Verdict

Name = Annotated[
    str,
    Field(min_length=1, max_length=63),
    Matching(
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "must be lower-case letters, digits and -, such as meeting-scheduler",
    ),
]
Glob = Annotated[
    str,
    Field(min_length=1, max_length=128),
    Matching(
        r"^[A-Za-z0-9_.*?-]+$",
        "must be a tool's name, in which * stands for any text and ? for one character",
    ),
]
AppSlug = Annotated[
    str,
    Field(min_length=1, max_length=63),
    Matching(
        r"^[a-z0-9_]+$",
        "must be a name slug of Pipedream: lower-case letters, digits and _, such as google_calendar",
    ),
]
AccountID = Annotated[
    str,
    Field(max_length=64),
    Matching(r"^apn_[A-Za-z0-9]+$", "must be the id of an account at Pipedream, such as apn_1a2b3c"),
]
ExternalUserID = Annotated[
    str,
    Field(min_length=1, max_length=250),
    Matching(r"^[^\s/]+$", "must not contain spaces or slashes"),
]


class ToolFilter(Model):
    """Which of a service's tools the agent sees; deny wins over allow."""

    allow: list[Glob] = Field(
        default=[], max_length=64, description="Globs of tools to offer; empty means all."
    )
    deny: list[Glob] = Field(default=[], max_length=64, description="Globs of tools to hide.")


class Service(Model):
    """One service of a binding: an app at Pipedream, with this user's account."""

    name: Name = Field(description="Name of the service, unique within the binding.")
    app: AppSlug = Field(description="Pipedream's name slug of the app, such as sendgrid.")
    account_id: AccountID | None = Field(
        default=None,
        alias="accountID",
        description="One connected account, when the user has several for the app.",
    )
    required: bool = Field(default=True, description="Whether Ready depends on this service.")
    tools: ToolFilter = Field(default=ToolFilter(), description="Which tools the agent sees.")
    timeout: Annotated[timedelta, Between("1s", "10m")] = Field(
        default=timedelta(seconds=30), description="Deadline of one operation, retries included."
    )


class BreakerSpec(Model):
    """When a failing service is no longer tried."""

    failures: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Counted failures in a row that open this user's own breaker of the service; the one "
        "that all users of an app share opens after 5.",
    )
    open_for: Annotated[timedelta, Between("1s", "5m")] = Field(
        default=timedelta(seconds=5),
        description="How long this user's own breaker stays open before a probe; the one that all users of "
        "an app share does for 5s.",
    )


class Resilience(Model):
    """How failures are met."""

    max_retries: int = Field(default=3, ge=0, le=3, description="Retries after the first try.")
    base_delay: Annotated[timedelta, Between("10ms", "8s")] = Field(
        default=timedelta(seconds=1), description="Wait before the first retry; doubled for each further one."
    )
    max_delay: Annotated[timedelta, Between("10ms", "60s")] = Field(
        default=timedelta(seconds=8), description="The longest wait between two tries."
    )
    breaker: BreakerSpec = Field(
        default=BreakerSpec(), description="When a failing service is no longer tried."
    )


class BindingSpec(Model):
    """What a platform engineer or an onboarding job says about one agent and user."""

    agent: Annotated[Name, Immutable("agent is immutable: create another binding")] = Field(
        description="The agent's name, such as coordinator. Immutable."
    )
    user: Annotated[ExternalUserID, Immutable("user is immutable: create another binding")] = Field(
        description="The user's id at Pipedream (external user id). Immutable."
    )
    project_ref: Name = Field(
        default="default", description="The PipedreamProject to use, in this namespace."
    )
    services: list[Service] = Field(
        default=[],
        max_length=16,
        description="The services; omitted, the agent's profile says which.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    demo: Literal["WhenUnauthorized", "Never", "Always"] = Field(
        default="WhenUnauthorized",
        description="When made-up results are served in place of real ones: "
        "where the account cannot be used, never, always.",
    )
    resilience: Resilience = Field(default=Resilience(), description="How failures are met.")
    placement: Literal["Sidecar", "Managed"] = Field(
        default="Sidecar", description="Beside the agent in its pod, or in a runtime of the namespace."
    )
    paused: bool = Field(default=False, description="Stop serving this binding at once; its status stays.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [service.name for service in self.services]
        for name in names:
            if names.count(name) > 1:
                message = f'services: the name "{name}" is given twice'
                raise ValueError(message)
        return self


AccountState = Literal["Healthy", "Unhealthy", "Dead", "Missing", "Unknown"]


class AccountStatus(Model):
    """The user's account for an app, as Pipedream lists it. Runtimes read it from here."""

    id: str | None = Field(default=None, description="The account's id.")
    state: AccountState = Field(
        default="Unknown", description="Healthy, Unhealthy, Dead, Missing; Unknown before the first list."
    )


class ServiceStatus(Model):
    """What is true of one service of the binding."""

    name: str = Field(description="The service's name.")
    app: str = Field(description="The app it stands for.")
    verdict: Verdict = Field(description="What a call made now would meet.")
    mode: Literal["Live", "Demo"] = Field(default="Live", description="Real results, or made-up ones.")
    tools: int | None = Field(default=None, description="Tools the app offers, before allow and deny.")
    account: AccountStatus = Field(default=AccountStatus(), description="The user's account for the app.")
    breaker: Literal["Closed", "Open"] = Field(
        default="Closed", description="Open while calls are refused early."
    )
    message: str = Field(default="", description="The cause and who mends it.")


class RuntimeCounts(Model):
    """Runtimes that serve the binding."""

    ready: int = Field(default=0, description="Ready, and up to date with this binding.")
    total: int = Field(default=0, description="All that serve this agent.")


class BindingStatus(Model):
    """What the operator knows about a binding; it alone writes it."""

    observed_generation: int = Field(
        default=0, ge=0, description="The generation of spec this status was judged from."
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Ready, CredentialsValid, UpstreamsAvailable, QuotaAvailable, RuntimeAvailable.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    services: list[ServiceStatus] = Field(
        default=[],
        description="One entry a service.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    services_ready: str = Field(default="", description="Healthy services of all, such as 3/3.")
    mode: Literal["Live", "Demo", "Mixed", ""] = Field(default="", description="Live, Demo, or Mixed.")
    runtimes: RuntimeCounts = Field(default=RuntimeCounts(), description="Runtimes that serve the binding.")
    endpoint: str = Field(default="", description="The URL the agent's MCP client uses.")
    shard: int | None = Field(
        default=None, ge=0, description="Which of the namespace's managed runtimes serves it, if one does."
    )
    last_transition_time: Timestamp | None = Field(default=None, description="When Ready last changed.")


class AgentMCPBinding(Model):
    """The MCP connections of one agent acting for one user; Ready only if a call would work now."""

    metadata: ObjectMeta
    spec: BindingSpec
    status: BindingStatus = BindingStatus()


def endpoint_path(agent: str, user: str) -> str:
    """The path at which a runtime serves a binding."""
    return f"/agents/{quote(agent, safe='')}/users/{quote(user, safe='')}/mcp"
