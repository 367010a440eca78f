"""The sidecar: the container that runs the runtime, and the volumes it reads.

A native sidecar (an init container that is restarted always): it is ready before the agents start, ends after
them, and lets a Job end. Agents reach it on loopback only. Health and metrics are on all addresses, since
kubelets and Prometheus come to the pod's own.
"""

import json
from typing import Any, Final

from pipewise_crds.profiles import Profiles

from .annotations import PROFILES, Wishes
from .settings import Settings, resources_of

NAME: Final = "pipewise-runtime"
"""The container's name; a pod may not use it for anything else."""
URL_VARIABLE: Final = "PIPEWISE_MCP_URL"
"""The environment variable in which the pod's other containers find the sidecar."""
_PORT_NAME = "mcp-metrics"
"""Of the container's port; at most 15 characters, and unlikely to be taken by another of the pod."""

ACCESS_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where programs look for the token of their pod's ServiceAccount."""
_ACCESS, _PROFILES_VOLUME = "pipewise-api-access", "pipewise-profiles"
_PROFILES_PATH = "/etc/pipewise"
_READABLE = 0o444
_TOKEN_SECONDS = 3600
"""The kubelet renews it; not 3607, which the API server takes for an old client's and stretches to a year."""

Json = dict[str, Any]


def url_of(wishes: Wishes) -> str:
    """Where the pod's agents reach the sidecar."""
    return f"http://127.0.0.1:{wishes.port}"


def profiles_text(wishes: Wishes, profiles: Profiles) -> str:
    """The profiles of the pod's agents, as JSON, which YAML readers read as well."""
    chosen = {
        agent: [
            service.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for service in profiles[agent]
        ]
        for agent in wishes.agents
        if agent in profiles
    }
    return json.dumps(chosen, separators=(",", ":"))


def container(wishes: Wishes, settings: Settings) -> Json:
    """The sidecar's container."""
    with_profiles = settings.profiles is not None
    made: Json = {
        "name": NAME,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "restartPolicy": "Always",
        "command": ["pipewise-runtime"],
        "args": _arguments(wishes, settings),
        "env": [
            _from_field("POD_NAME", "metadata.name"),
            _from_field("POD_NAMESPACE", "metadata.namespace"),
            _from_field("POD_UID", "metadata.uid"),
        ],
        "ports": [{"name": _PORT_NAME, "containerPort": wishes.metrics_port, "protocol": "TCP"}],
        # The agents start when this one says it serves them, and a pod without its runtime is not ready.
        "startupProbe": _probe("/readyz", wishes, period=1, timeout=2, failures=60),
        "readinessProbe": _probe("/readyz", wishes, period=3, timeout=2, failures=3),
        "livenessProbe": _probe("/healthz", wishes, period=10, timeout=3, failures=3),
        "securityContext": _security(settings),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": _ACCESS, "mountPath": ACCESS_PATH, "readOnly": True},
            *([{"name": _PROFILES_VOLUME, "mountPath": _PROFILES_PATH, "readOnly": True}] * with_profiles),
        ],
    }
    resources = resources_of(wishes, settings)
    return {**made, "resources": resources} if resources else made


def volumes(settings: Settings) -> tuple[Json, ...]:
    """What the container mounts.

    The pod's own service account gets a token that only the sidecar sees, also where the pod wants none for
    its other containers. Profiles come by way of an annotation, since a pod cannot mount another
    namespace's ConfigMap.
    """
    access = {
        "defaultMode": _READABLE,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [_file_of("namespace", "metadata.namespace")]}},
        ],
    }
    made = [{"name": _ACCESS, "projected": access}]
    if settings.profiles is not None:
        items = [_file_of("profiles.yaml", f"metadata.annotations['{PROFILES}']")]
        made.append({"name": _PROFILES_VOLUME, "downwardAPI": {"defaultMode": _READABLE, "items": items}})
    return tuple(made)


def _arguments(wishes: Wishes, settings: Settings) -> list[str]:
    arguments = [
        f"--listen=127.0.0.1:{wishes.port}",
        f"--metrics=0.0.0.0:{wishes.metrics_port}",
        "--placement=Sidecar",
        f"--agents={','.join(wishes.agents)}",
        f"--log-level={wishes.log_level or settings.log_level}",
    ]
    if settings.profiles is not None:
        arguments.append(f"--profiles={_PROFILES_PATH}/profiles.yaml")
    return arguments


def _security(settings: Settings) -> Json:
    """What the restricted pod security standard asks for, whatever the pod's own security context says."""
    context: Json = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if settings.run_as_user is not None:
        context |= {"runAsUser": settings.run_as_user, "runAsGroup": settings.run_as_user}
    return context


def _probe(path: str, wishes: Wishes, *, period: int, timeout: int, failures: int) -> Json:
    return {
        "httpGet": {"path": path, "port": wishes.metrics_port, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _from_field(name: str, path: str) -> Json:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def _file_of(name: str, path: str) -> Json:
    return {"path": name, "fieldRef": {"apiVersion": "v1", "fieldPath": path}}
