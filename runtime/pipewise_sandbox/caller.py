"""Who an MCP request acts for: headers, the query parameters that may stand in for them, or the path."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipewise_sandbox import rpc
from pipewise_sandbox.accounts import Place
from pipewise_sandbox.catalog import apps
from pipewise_sandbox.projects import ENVIRONMENTS, Projects
from pipewise_sandbox.reply import Reply, as_json, unauthorized

_LONGEST_USER = 250
_QUERY_NAMES = {
    "x-pd-project-id": "projectId",
    "x-pd-environment": "environment",
    "x-pd-external-user-id": "externalUserId",
    "x-pd-app-slug": "app",
    "x-pd-account-id": "accountId",
}
_REQUIRED = tuple(name for name in _QUERY_NAMES if name != "x-pd-account-id")
_TARGETS = {
    "x-pd-webhook-uri": "webhook_uri",
    "x-pd-success-redirect-uri": "success_redirect_uri",
    "x-pd-error-redirect-uri": "error_redirect_uri",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an MCP request acts for.

    Attributes:
        account: The pinned account.
        targets: Where a connect link made for this caller reports to.
    """

    place: Place
    user: str
    app: str
    account: str | None
    targets: Mapping[str, str]


def claims(headers: Mapping[str, str], query: Mapping[str, str], path: Mapping[str, str]) -> dict[str, str]:
    """What a request says about itself, by header name; the path outranks a header, a header the query."""
    said = {name: headers.get(name) or query.get(asked, "") for name, asked in _QUERY_NAMES.items()}
    return said | {f"x-pd-{name}": value for name, value in path.items()}


def bearer(headers: Mapping[str, str]) -> str:
    """The bearer token of a request, or an empty text."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def admitted(
    said: Mapping[str, str], headers: Mapping[str, str], projects: Projects, now: datetime
) -> Caller | Reply:
    """The caller behind a request's claims, or the reply that turns it away."""
    client = projects.holder(bearer(headers), now)
    if client is None:
        return unauthorized()
    missing = [name for name in _REQUIRED if not said[name]]
    if missing:
        return rpc.refusal(400, rpc.INVALID_REQUEST, f"Missing required header: {', '.join(missing)}")
    if not projects.reachable(client, said["x-pd-project-id"]):
        return as_json({"error": "The token does not give access to this project"}, 403)
    if said["x-pd-environment"] not in ENVIRONMENTS:
        return rpc.refusal(400, rpc.INVALID_REQUEST, "x-pd-environment must be development or production")
    if len(said["x-pd-external-user-id"]) > _LONGEST_USER:
        return rpc.refusal(400, rpc.INVALID_REQUEST, "x-pd-external-user-id must not exceed 250 characters")
    if said["x-pd-app-slug"] not in apps():
        return rpc.refusal(400, rpc.INVALID_REQUEST, f"Unknown app: {said['x-pd-app-slug']}")
    return Caller(
        place=Place(said["x-pd-project-id"], said["x-pd-environment"]),
        user=said["x-pd-external-user-id"],
        app=said["x-pd-app-slug"],
        account=said["x-pd-account-id"] or None,
        targets={field: headers[name] for name, field in _TARGETS.items() if name in headers},
    )
