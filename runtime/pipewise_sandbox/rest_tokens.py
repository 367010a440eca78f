"""Connect REST on connect tokens: create one, and ask whether one is good."""

from typing import Any

from pipewise_sandbox.action import timestamp
from pipewise_sandbox.catalog import apps
from pipewise_sandbox.connect_tokens import LONGEST_LIFE_SECONDS, Grant, link
from pipewise_sandbox.reply import Reply, as_json, too_many
from pipewise_sandbox.rest import Ask

_TARGETS = ("webhook_uri", "success_redirect_uri", "error_redirect_uri")
_LONGEST_USER = 250
_MINUTE_SECONDS = 60.0


def create_token(ask: Ask) -> Reply:
    """``POST /tokens``: a single-use connect token for one external user."""
    user = ask.body.get("external_user_id")
    if not isinstance(user, str) or not 0 < len(user) <= _LONGEST_USER:
        return as_json({"error": "external_user_id is required and must not exceed 250 characters"}, 400)
    lifetime = ask.body.get("expires_in") or LONGEST_LIFE_SECONDS
    if not isinstance(lifetime, int) or not 0 < lifetime <= LONGEST_LIFE_SECONDS:
        return as_json({"error": f"expires_in must be at most {LONGEST_LIFE_SECONDS}"}, 400)
    limit = ask.world.settings.connect_tokens_per_minute
    key = ("connect-tokens", ask.place.project, ask.place.environment, user)
    wait = ask.world.limits.hit(key, limit, _MINUTE_SECONDS, ask.now.timestamp())
    if wait is not None:
        return too_many(wait)
    targets = {name: str(ask.body[name]) for name in _TARGETS if ask.body.get(name)}
    grant = Grant(ask.place, user, ask.body.get("app_id"), lifetime, targets)
    token = ask.world.connect_tokens.mint(grant, ask.now)
    expiry = timestamp(token.expires_at)
    return as_json(
        {"token": token.value, "expires_at": expiry, "connect_link_url": link(ask.base_url, token)}
    )


def validate_token(ask: Ask) -> Reply:
    """``GET /tokens/{ctok}/validate``."""
    value = ask.path["token"]
    problem = ask.world.connect_tokens.problem(value, ask.now)
    if problem is not None:
        return as_json({"success": False, "error": problem})
    token = ask.world.connect_tokens.by_value[value]
    app = ask.query.get("app_id") or token.app
    said: dict[str, Any] = {"success": True, "project_id": token.place.project}
    said |= {"project_environment": token.place.environment}
    if app and app not in apps():
        return as_json(said | {"success": False, "error": f"App not found: {app}"})
    return as_json(said)
