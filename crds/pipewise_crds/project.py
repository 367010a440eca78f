"""PipedreamProject: who we are at Pipedream. The operator alone reads the client secret it points to."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from .durations import Between
from .model import Model, ObjectMeta, Timestamp
from .rules import Matching
from .verdicts import Condition

Url = Annotated[
    str,
    Field(max_length=2048),
    Matching(r"^https?://[^\s]+$", "must be a URL that begins with http:// or https://"),
]
ProjectID = Annotated[
    str,
    Field(max_length=64),
    Matching(r"^proj_[A-Za-z0-9]+$", "must be the id of a project at Pipedream, such as proj_1a2b3c"),
]


class SecretRef(Model):
    """Where the client credentials are, in the project's own namespace."""

    name: str = Field(description="Name of the Secret.", min_length=1, max_length=253)
    client_id_key: str = Field(
        alias="clientIDKey",
        default="client-id",
        description="Key of the client id.",
        min_length=1,
        max_length=253,
    )
    client_secret_key: str = Field(
        default="client-secret", description="Key of the client secret.", min_length=1, max_length=253
    )


class Endpoints(Model):
    """Where Pipedream is reached; a sandbox or a proxy sets its own."""

    api: Url = Field(default="https://api.pipedream.com/v1", description="Base of the Connect REST API.")
    mcp: Url = Field(default="https://remote.mcp.pipedream.net/v3", description="The remote MCP server.")


class Limits(Model):
    """The project's quota at Pipedream, shared by all its users."""

    tool_runs: int = Field(default=2000, ge=1, le=10_000_000, description="Tool runs allowed in one window.")
    window: Annotated[timedelta, Between("1s", "24h")] = Field(
        default=timedelta(minutes=5), description="Length of the window."
    )


class ProjectSpec(Model):
    """What a platform engineer says about a Pipedream project."""

    project_id: ProjectID = Field(alias="projectID", description="The project's id at Pipedream.")
    environment: Literal["development", "production"] = Field(
        description="Pipedream's environment; development allows ten external users."
    )
    credentials_secret_ref: SecretRef = Field(description="The Secret with the OAuth client's id and secret.")
    endpoints: Endpoints = Field(default=Endpoints(), description="Where Pipedream is reached.")
    limits: Limits = Field(
        default=Limits(), description="The project's quota, shared fairly by its runtimes."
    )
    account_poll_interval: Annotated[timedelta, Between("1s", "1h")] = Field(
        default=timedelta(minutes=5), description="How often all connected accounts are listed."
    )


class AccountCounts(Model):
    """The accounts connected in this project and environment."""

    total: int = Field(default=0, description="All connected accounts.")
    healthy: int = Field(default=0, description="Accounts that can be used.")
    unhealthy: int = Field(default=0, description="Accounts Pipedream cannot use for now.")
    dead: int = Field(default=0, description="Accounts that must be connected anew.")


class QuotaStatus(Model):
    """The quota as the operator last knew it."""

    limit: int = Field(description="Tool runs allowed in one window.")
    exhausted_until: Timestamp | None = Field(
        default=None, description="Until when Pipedream refuses further runs."
    )
    retry_at: Timestamp | None = Field(
        default=None, description="Pipedream's own word: no runtime tries a run before this moment."
    )
    window: Annotated[timedelta, Between("1s", "24h")] = Field(description="Length of the window.")


class ProjectStatus(Model):
    """What the operator knows about a project."""

    observed_generation: int = Field(
        default=0, ge=0, description="The generation of spec this status was judged from."
    )
    conditions: list[Condition] = Field(
        default=[],
        description="Ready, CredentialsValid, QuotaAvailable.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    token_expires_at: Timestamp | None = Field(
        default=None, description="When the current developer token expires."
    )
    accounts: AccountCounts | None = Field(default=None, description="The connected accounts by state.")
    quota: QuotaStatus | None = Field(default=None, description="The project's quota.")


class PipedreamProject(Model):
    """A Pipedream project: its credentials, endpoints and limits, and whether they work."""

    metadata: ObjectMeta
    spec: ProjectSpec
    status: ProjectStatus = ProjectStatus()


def token_secret_name(project: str) -> str:
    """Name of the Secret into which the operator mints the project's developer token.

    Its keys are `token` and `expires-at` (RFC 3339). Runtimes may read it; nobody else needs to.
    """
    return f"{project}-pipedream-token"
