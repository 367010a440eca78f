"""The door to the Kubernetes API: which objects a runtime reads and writes, and the client to do it with."""

from pathlib import Path

from lightkube import AsyncClient, ConfigError, KubeConfig
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource
from yaml import YAMLError

from pipewise_crds import BINDING, GROUP, PROJECT, RUNTIME, VERSION, Kind


def _resource(kind: Kind) -> type[GenericNamespacedResource]:
    return create_namespaced_resource(GROUP, VERSION, kind.name, kind.plural)


BINDINGS = _resource(BINDING)
PROJECTS = _resource(PROJECT)
RUNTIMES = _resource(RUNTIME)
SECRETS = create_namespaced_resource("", "v1", "Secret", "secrets")


def connect(kubeconfig: Path | None, namespace: str | None) -> AsyncClient:
    """A client for one namespace.

    Args:
        kubeconfig: the file; without it the pod's service account, else KUBECONFIG, else ~/.kube/config.
        namespace: the namespace; without it the service account's, or that of the kubeconfig's context.

    Raises:
        lightkube.ConfigError: there is no usable configuration.
    """
    try:
        config = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()
    except (YAMLError, LookupError, AttributeError, TypeError) as error:  # what lightkube takes for granted
        raise ConfigError(f"{kubeconfig or 'the file of KUBECONFIG'} is not a kubeconfig") from error
    return AsyncClient(config=config, namespace=namespace, field_manager="pipewise-runtime")
