"""The sandbox as one ASGI application: MCP, REST, the connect page and the admin API over one world."""

from starlette.applications import Starlette
from starlette.routing import Route

from pipewise_sandbox import rest_accounts, rest_oauth, rest_tokens
from pipewise_sandbox.admin import Admin
from pipewise_sandbox.admin_bodies import Seed, planted
from pipewise_sandbox.connect_page import ConnectPage
from pipewise_sandbox.mcp_endpoint import McpEndpoint
from pipewise_sandbox.rest import Endpoint, Handle, guarded
from pipewise_sandbox.webhooks import Webhooks
from pipewise_sandbox.wire import Receive, Scope, Send
from pipewise_sandbox.world import World

_NOT_MCP = ("/admin", "/_static/", "/v1/oauth/", "/v1/connect/")
_PROJECT = "/v1/connect/{project}"


class Application:
    """The ASGI application; MCP, where the load is, is reached without a router.

    Args:
        seed: What the sandbox starts with.
    """

    def __init__(self, seed: Seed) -> None:
        self.world = planted(seed)
        self._mcp = McpEndpoint(self.world)
        self._rest = Starlette(routes=[*_routes(self.world), *Admin(self.world, seed).routes()])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not scope["path"].startswith(_NOT_MCP):
            await self._mcp(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _routes(world: World) -> list[Route]:
    connect = ConnectPage(Webhooks())

    def route(method: str, path: str, name: str, handle: Handle) -> Route:
        return Route(path, Endpoint(world, name, handle), methods=[method])

    accounts, tokens = rest_accounts, rest_tokens
    return [
        route("POST", "/v1/oauth/token", "token", rest_oauth.issue_token),
        route("GET", "/v1/connect/apps", "apps", guarded(accounts.list_apps)),
        route("GET", "/v1/connect/tokens/{token}/validate", "validate", guarded(tokens.validate_token)),
        route("POST", f"{_PROJECT}/tokens", "tokens", guarded(tokens.create_token)),
        route("GET", f"{_PROJECT}/accounts", "accounts", guarded(accounts.list_accounts)),
        route("GET", f"{_PROJECT}/accounts/{{account}}", "account", guarded(accounts.get_account)),
        route("DELETE", f"{_PROJECT}/accounts/{{account}}", "account", guarded(accounts.delete_account)),
        route("DELETE", f"{_PROJECT}/apps/{{app}}/accounts", "apps", guarded(accounts.delete_app_accounts)),
        route("GET", f"{_PROJECT}/users", "users", guarded(accounts.list_users)),
        route("GET", f"{_PROJECT}/users/{{user}}/accounts", "accounts", guarded(accounts.list_user_accounts)),
        route("DELETE", f"{_PROJECT}/users/{{user}}", "users", guarded(accounts.delete_user)),
        route("GET", "/_static/connect.html", "connect", connect.show),
        route("POST", "/_static/connect.html", "connect", connect.connect),
    ]
