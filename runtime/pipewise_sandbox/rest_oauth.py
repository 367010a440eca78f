"""``POST /v1/oauth/token``: client credentials for an access token."""

from pipewise_sandbox.reply import Reply, as_json, too_many
from pipewise_sandbox.rest import Ask

_MINUTE_SECONDS = 60.0


def issue_token(ask: Ask) -> Reply:
    """Issue an access token, or say in OAuth's words why not."""
    if ask.body.get("grant_type") != "client_credentials":
        return as_json({"error": "unsupported_grant_type"}, 400)
    client_id, client_secret = ask.body.get("client_id"), ask.body.get("client_secret")
    if not isinstance(client_id, str) or not isinstance(client_secret, str):
        return as_json({"error": "invalid_request"}, 400)
    world = ask.world
    limit = world.settings.token_requests_per_minute
    wait = world.limits.hit(("oauth", client_id), limit, _MINUTE_SECONDS, ask.now.timestamp())
    if wait is not None:
        return too_many(wait)
    if not world.projects.is_client(client_id, client_secret):
        return as_json({"error": "invalid_client"}, 401)
    lifetime = world.settings.token_lifetime_seconds
    token = world.projects.issue(client_id, ask.now, lifetime)
    return as_json({"access_token": token.value, "token_type": "Bearer", "expires_in": int(lifetime)})
