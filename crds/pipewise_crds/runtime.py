"""MCPRuntime: where bindings run. Registered by the runtime itself, the way a kubelet registers its Node."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from .durations import Between
from .model import Model, ObjectMeta, Timestamp
from .verdicts import Verdict

REPORT_INTERVAL = timedelta(seconds=60)
"""A runtime reports on every change and at least this often."""

REPORT_STALE_AFTER = timedelta(seconds=150)
"""Without a Pod to ask, a runtime whose report is older than this counts as gone."""


class Share(Model):
    """The part of one project's quota that a runtime may use."""

    project: str = Field(description="Name of the PipedreamProject.")
    runs: int = Field(ge=0, description="Tool runs allowed in one window.")
    window: Annotated[timedelta, Between("1s", "24h")] = Field(description="Length of the window.")


class RuntimeSpec(Model):
    """What the operator tells a runtime."""

    shares: list[Share] = Field(
        default=[],
        max_length=64,
        description="Its share of each project's quota.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["project"]},
    )


class ProjectReport(Model):
    """How a project's token and quota fare in live calls."""

    project: str = Field(description="Name of the PipedreamProject.")
    token: Literal["Unknown", "Accepted", "Rejected"] = Field(
        default="Unknown",
        description="Rejected: 401 with the token that expires at tokenExpiresAt; a new one is wanted.",
    )
    token_expires_at: Timestamp | None = Field(default=None, description="Which token that was.")
    quota_exhausted_until: Timestamp | None = Field(
        default=None, description="Until when Pipedream refuses further runs."
    )
    quota_retry_at: Timestamp | None = Field(
        default=None, description="The moment that Pipedream itself named for the next try (Retry-After)."
    )
    share_used_until: Timestamp | None = Field(
        default=None, description="Until when calls are refused because the runtime's share is used up."
    )
    runs_allowed: int | None = Field(
        default=None,
        ge=0,
        description="Tool runs in one window that it keeps to now: its share, once it has taken that up.",
    )
    runs_used: int = Field(
        default=0, ge=0, description="Tool runs in the window that ended with this report."
    )
    runs_wanted: int = Field(
        default=0,
        ge=0,
        description="Tool runs asked for lately, those refused included; coarse. Its share follows.",
    )


Fault = Literal["Outage", "Refused", "ProjectRefused"]
"""What an unavailable app meets calls with: no proper answer, a 4xx, or a 403 to our project."""


class ProviderReport(Model):
    """How one app fares, whoever's calls it was seen in."""

    project: str = Field(description="Name of the PipedreamProject.")
    app: str = Field(description="Pipedream's name slug of the app.")
    state: Literal["Unknown", "Available", "Unavailable"] = Field(
        description="Unknown before the first evidence."
    )
    breaker: Literal["Closed", "Open"] = Field(
        default="Closed", description="Open while calls are refused early."
    )
    fault: Fault = Field(
        default="Outage",
        description="Of an Unavailable app. Outage: the provider mends it; Refused: it does not take what is "
        "asked, and ProjectRefused: nor the project: who configured that mends it.",
    )
    since: Timestamp = Field(description="When the state last changed.")
    message: str = Field(default="", max_length=1024, description="What was seen, without any user's data.")
    tools: int | None = Field(default=None, description="Tools the app offers.")


class ExceptionReport(Model):
    """A service of one binding that is not well although its app may be."""

    binding: str = Field(description="Name of the AgentMCPBinding.")
    service: str = Field(description="Name of the service.")
    verdict: Verdict = Field(description="What calls met.")
    breaker: Literal["Closed", "Open"] = Field(
        default="Closed", description="Open while calls are refused early."
    )
    since: Timestamp = Field(description="When it began.")
    last_seen: Timestamp = Field(
        description="When it was last met; an account listed healthy after this settles it."
    )
    until: Timestamp | None = Field(default=None, description="When time alone will have ended it.")
    message: str = Field(default="", max_length=1024, description="What was seen, without any user's data.")

    def holds(self, now: datetime) -> bool:
        """Whether time alone has not ended it yet."""
        return self.until is None or self.until > now


class RuntimeStatus(Model):
    """What the runtime reports; it grows with trouble, not with users."""

    agents: list[str] = Field(default=[], description="Agents served; empty means all.")
    placement: Literal["Sidecar", "Managed"] = Field(
        default="Sidecar", description="Which bindings it serves."
    )
    shard: int | None = Field(
        default=None, ge=0, description="It serves the managed bindings of this shard; all without."
    )
    endpoint: str = Field(default="", description="Base URL under which agents reach it.")
    synced_through: str = Field(
        default="0", description="resourceVersion up to which bindings were taken up."
    )
    projects: list[ProjectReport] = Field(
        default=[],
        description="Token and quota of each project.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["project"]},
    )
    providers: list[ProviderReport] = Field(
        default=[],
        description="The apps in use.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["project", "app"]},
    )
    exceptions: list[ExceptionReport] = Field(
        default=[],
        description="Only the services of bindings that are not well.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["binding", "service"],
        },
    )
    bindings: int = Field(default=0, description="Bindings served.")
    sessions: int = Field(default=0, description="Upstream sessions open.")
    version: str = Field(default="", description="The runtime's version.")
    report_time: Timestamp | None = Field(default=None, description="When this was reported.")


class MCPRuntime(Model):
    """A sidecar or managed runtime: what it serves and how its providers fare."""

    metadata: ObjectMeta
    spec: RuntimeSpec = RuntimeSpec()
    status: RuntimeStatus = RuntimeStatus()
