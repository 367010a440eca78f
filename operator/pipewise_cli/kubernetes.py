"""The cluster as a person's kubeconfig reaches it: reading bindings, projects and the project's token.

Used by `status` and `connect`; every failure leaves it as a CommandError.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx2
from lightkube import Client, ConfigError, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Secret

from pipewise_crds import (
    BINDING,
    GROUP,
    PROJECT,
    VERSION,
    AgentMCPBinding,
    PipedreamProject,
    token_secret_name,
)

_BINDINGS = create_namespaced_resource(GROUP, VERSION, BINDING.name, BINDING.plural)
_PROJECTS = create_namespaced_resource(GROUP, VERSION, PROJECT.name, PROJECT.plural)


class CommandError(Exception):
    """The command cannot do what was asked; the message says why and what would help."""


class Kubernetes:
    """One namespace of the cluster that the kubeconfig (KUBECONFIG, else ~/.kube/config) names.

    Args:
        namespace: the namespace; the kubeconfig's own when None.

    Raises:
        CommandError: there is no usable kubeconfig.
    """

    def __init__(self, namespace: str | None) -> None:
        try:
            config = KubeConfig.from_env()
            # A proxy of the shell would be asked for the API server, which kubectl reaches directly.
            self._client = Client(config, namespace=namespace, trust_env=False)
        except ConfigError as error:
            raise CommandError(f"no cluster to talk to: {error}. Set KUBECONFIG") from error
        self.namespace = self._client.namespace

    def bindings(self, agent: str | None, user: str | None) -> Sequence[AgentMCPBinding]:
        """The bindings, of one agent or user only if one is given; sorted by user and agent.

        Raises:
            CommandError: they cannot be listed.
        """
        wanted = {"spec.agent": agent, "spec.user": user}
        fields = {name: value for name, value in wanted.items() if value is not None}
        with _told_as_ours():
            listed = self._client.list(_BINDINGS, fields=dict(fields))
            found = [AgentMCPBinding.model_validate(dict(item)) for item in listed]
        return sorted(found, key=lambda binding: (binding.spec.user, binding.spec.agent))

    def project(self, name: str) -> PipedreamProject:
        """A project.

        Raises:
            CommandError: it cannot be read.
        """
        with _told_as_ours():
            return PipedreamProject.model_validate(dict(self._client.get(_PROJECTS, name)))

    def token(self, project: str) -> str:
        """The developer token that the operator minted for a project.

        Raises:
            CommandError: it cannot be read, or is not there yet.
        """
        name = token_secret_name(project)
        with _told_as_ours():
            data = self._client.get(Secret, name).data or {}
        if "token" not in data:
            raise CommandError(f"the Secret {name} holds no token: look at the operator's log")
        return base64.b64decode(data["token"]).decode()


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """Map what lightkube and its HTTP library raise, once."""
    try:
        yield
    except ApiError as error:
        hint = f"; are the CRDs of {GROUP} installed?" if error.status.message is None else ""
        raise CommandError(f"the API server says: {error.status.message or error}{hint}") from error
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        hint = f": are the CRDs of {GROUP} installed?" if status == httpx2.codes.NOT_FOUND else ""
        raise CommandError(f"the API server answers HTTP {status}{hint}") from error
    except httpx2.HTTPError as error:
        raise CommandError(
            f"the API server cannot be reached ({type(error).__name__}): look at KUBECONFIG"
        ) from error
