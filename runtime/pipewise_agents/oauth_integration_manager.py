"""What an application asks about its users' connected accounts before and around a conversation.

Tokens are neither kept nor refreshed here: Pipedream does both, the operator watches, and this asks. A second
store of tokens would sooner or later contradict the first.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx2
import lightkube
from lightkube.core.exceptions import ConfigError

from pipewise_crds.profiles import BUILT_IN

from .accounts import Accounts, ConnectLink, McpCredentials, chosen
from .binding_accounts import BindingAccounts
from .pipedream_accounts import PipedreamAccess, PipedreamAccounts

_APPS = {service.name: service.app for services in BUILT_IN.values() for service in services}


class OAuthIntegrationManager:
    """The state of users' accounts, service by service."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def get_mcp_credentials(self, user_id: str, service_name: str) -> McpCredentials:
        """The account that the user's calls to a service use; its state is Missing when there is none.

        Args:
            user_id: The user's id at Pipedream.
            service_name: A service as bindings name it (google-calendar) or an app's slug (google_calendar).

        Raises:
            ValueError: the name can be neither.
            AccountsUnavailableError: the accounts cannot be asked for now.
        """
        app = app_of(service_name)
        account = chosen(await self._accounts.of_user(user_id), app)
        return account or McpCredentials(app, "Missing")

    async def is_integration_connected(self, user_id: str, service_name: str) -> bool:
        """Whether a call to the service made now would find a usable account."""
        return (await self.get_mcp_credentials(user_id, service_name)).is_usable

    async def get_enabled_integrations(self, user_id: str) -> Sequence[McpCredentials]:
        """The user's usable accounts, one for each app, ordered by app."""
        accounts = await self._accounts.of_user(user_id)
        picked = (chosen(accounts, app) for app in sorted({account.app for account in accounts}))
        return tuple(account for account in picked if account and account.is_usable)

    async def connect_link(self, user_id: str, service_name: str) -> ConnectLink:
        """A fresh link with which the user connects, or connects anew, an account for a service.

        Raises:
            ValueError: there can be no service of that name.
            AccountsUnavailableError: Pipedream does not answer.
            ConnectLinkUnavailableError: this application holds no Pipedream credentials to make one with.
        """
        return await self._accounts.connect_link(user_id, app_of(service_name))


def app_of(service_name: str) -> str:
    """The app behind a service's name or an app's own slug.

    Raises:
        ValueError: the name can be neither.
    """
    app = _APPS.get(service_name, service_name)
    if not re.fullmatch(r"[a-z0-9_]+", app):
        raise ValueError(
            f"{service_name!r} is neither one of {', '.join(sorted(_APPS))} "
            "nor an app's slug such as google_calendar"
        )
    return app


@asynccontextmanager
async def oauth_integration_manager(environment: Mapping[str, str]) -> AsyncIterator[OAuthIntegrationManager]:
    """The manager for this process: over Pipedream where its credentials are given, else over the bindings.

    With PIPEDREAM_PROJECT_ID set, PIPEDREAM_CLIENT_ID and PIPEDREAM_CLIENT_SECRET are needed too. Without it,
    the Kubernetes API is asked, which needs no secret but the right to list agentmcpbindings.

    Raises:
        ValueError: a Pipedream variable is missing, or there is no cluster to ask either.
    """
    access = PipedreamAccess.from_environment(environment)
    if access is not None:
        async with httpx2.AsyncClient(timeout=10.0) as client:
            yield OAuthIntegrationManager(PipedreamAccounts(access, client))
        return
    try:
        cluster = lightkube.AsyncClient()
    except ConfigError as error:
        raise ValueError(
            f"there is nobody to ask for accounts ({error}): "
            "set PIPEDREAM_PROJECT_ID, or KUBECONFIG outside a cluster"
        ) from error
    try:
        yield OAuthIntegrationManager(BindingAccounts(cluster, environment.get("POD_NAMESPACE")))
    finally:
        await cluster.close()
