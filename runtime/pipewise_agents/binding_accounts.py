"""Accounts as the operator last saw them at Pipedream, read from the status of the user's bindings.

For agents in a cluster: no credential of Pipedream comes near them. Behind `oauth_integration_manager`.
"""

from collections.abc import Sequence
from typing import NoReturn

import httpx2
import lightkube
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource
from pydantic import TypeAdapter

from pipewise_crds import BINDING, GROUP, VERSION, AgentMCPBinding

from .accounts import AccountsUnavailableError, ConnectLinkUnavailableError, McpCredentials

_BINDING = create_namespaced_resource(GROUP, VERSION, BINDING.name, BINDING.plural)
_ONE = TypeAdapter(AgentMCPBinding)


class BindingAccounts:
    """Reads the account states that bindings carry."""

    def __init__(self, client: lightkube.AsyncClient, namespace: str | None = None) -> None:
        self._client = client
        self._namespace = namespace

    async def of_user(self, user_id: str) -> Sequence[McpCredentials]:
        """The accounts named in the status of the user's bindings in this namespace.

        Raises:
            AccountsUnavailableError: the Kubernetes API does not answer, or refuses.
        """
        try:
            listed = self._client.list(_BINDING, namespace=self._namespace, fields={"spec.user": user_id})
            bindings = [_binding(item) async for item in listed]
        except (ApiError, httpx2.HTTPError) as error:
            raise AccountsUnavailableError(
                "the bindings cannot be listed: see that the Kubernetes API answers and that this pod's "
                f"ServiceAccount may list {BINDING.plural}.{GROUP}"
            ) from error
        return tuple(
            McpCredentials(service.app, service.account.state, service.account.id)
            for binding in sorted(bindings, key=lambda binding: binding.spec.agent)
            for service in binding.status.services
        )

    async def connect_link(self, user_id: str, app: str) -> NoReturn:
        """No link: making one takes Pipedream's credentials, which agents in a cluster do not have.

        Raises:
            ConnectLinkUnavailableError: always; it says where links come from.
        """
        raise ConnectLinkUnavailableError(
            f"no link can be made here: `pipewise connect {user_id} {app}` makes one, and the answer to the "
            "user's next call brings one"
        )


def _binding(item: GenericNamespacedResource) -> AgentMCPBinding:
    return _ONE.validate_python(dict(item))
