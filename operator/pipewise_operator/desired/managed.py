"""The managed runtimes of a namespace: a Deployment and a Service for each shard, and what they share."""

from collections.abc import Sequence
from typing import Any

from pipewise_operator.injection import PROFILES, RUNTIME_LABEL

from .identities import LABELS, ROLE
from .managed_settings import ManagedSettings
from .placement import METRICS_PORT, PORT, runtime_name

Json = dict[str, Any]

KINDS = ("ServiceAccount", "Service", "NetworkPolicy", "PodDisruptionBudget", "Deployment")
SHARD_LABEL = "mcp.pipewise.io/shard"
AUDIENCE = "mcp.pipewise.io"
"""Whom the tokens of agents are for."""
_MANAGED = {**LABELS, RUNTIME_LABEL: "managed"}
_PROFILES_PATH = "/etc/pipewise"
_GOING_SECONDS = 4
"""How long a pod that is to go still answers; with the 25 s of its end, less than Kubernetes' 30 s."""


def managed(namespace: str, shards: Sequence[int], settings: ManagedSettings, profiles: str) -> list[Json]:
    """All objects of the managed runtimes of a namespace but their rights; none without shards.

    Args:
        namespace: where.
        shards: the shards that have bindings.
        settings: how they are made.
        profiles: the installation's profiles as JSON; empty means those built into the runtime.
    """
    if not shards:
        return []
    made = [_account(namespace)]
    if settings.network_policy:
        made.append(_network_policy(namespace, settings))
    for shard in sorted(shards):
        made += [_service(namespace, shard), _deployment(namespace, shard, settings, profiles)]
        if settings.replicas > 1:
            made.append(_disruption_budget(namespace, shard))
    return made


def authentication(name: str, namespaces: Sequence[str]) -> Json:
    """Who may have tokens reviewed: the part of the chart's ClusterRoleBinding that is the operator's."""
    subjects = [{"kind": "ServiceAccount", "name": ROLE, "namespace": each} for each in namespaces]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "subjects": subjects,
    }


def _object(api: str, kind: str, namespace: str, name: str, shard: int | None = None) -> Json:
    labels = LABELS if shard is None else _labels(shard)
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _labels(shard: int) -> Json:
    return {**_MANAGED, SHARD_LABEL: str(shard)}


def _selector(shard: int) -> Json:
    return {RUNTIME_LABEL: "managed", SHARD_LABEL: str(shard)}


def _account(namespace: str) -> Json:
    return {**_object("v1", "ServiceAccount", namespace, ROLE), "automountServiceAccountToken": False}


def _network_policy(namespace: str, settings: ManagedSettings) -> Json:
    callers: list[Json] = [{"podSelector": {}}, *settings.clients]
    spec = {
        "podSelector": {"matchLabels": {RUNTIME_LABEL: "managed"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": callers, "ports": [{"protocol": "TCP", "port": PORT}]},
            {"ports": [{"protocol": "TCP", "port": METRICS_PORT}]},
        ],
    }
    return {**_object("networking.k8s.io/v1", "NetworkPolicy", namespace, ROLE), "spec": spec}


def _service(namespace: str, shard: int) -> Json:
    ports = [
        {"name": "mcp", "protocol": "TCP", "port": PORT, "targetPort": "mcp"},
        {"name": "metrics", "protocol": "TCP", "port": METRICS_PORT, "targetPort": "metrics"},
    ]
    spec = {"selector": _selector(shard), "ports": ports}
    return {**_object("v1", "Service", namespace, runtime_name(shard), shard), "spec": spec}


def _disruption_budget(namespace: str, shard: int) -> Json:
    made = _object("policy/v1", "PodDisruptionBudget", namespace, runtime_name(shard), shard)
    return {**made, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _selector(shard)}}}


def _deployment(namespace: str, shard: int, settings: ManagedSettings, profiles: str) -> Json:
    spec = {
        "replicas": settings.replicas,
        # Old replicas stay until new ones have taken up the bindings.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": _selector(shard)},
        "template": {
            "metadata": {
                "labels": _labels(shard),
                "annotations": {
                    "kubectl.kubernetes.io/default-container": "runtime",
                    **({PROFILES: profiles} if profiles else {}),
                },
            },
            "spec": _pod(shard, settings, with_profiles=bool(profiles)),
        },
    }
    return {**_object("apps/v1", "Deployment", namespace, runtime_name(shard), shard), "spec": spec}


def _pod(shard: int, settings: ManagedSettings, *, with_profiles: bool) -> Json:
    user = settings.run_as_user
    pod: Json = {
        "serviceAccountName": ROLE,
        "automountServiceAccountToken": True,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            **({} if user is None else {"runAsUser": user, "runAsGroup": user}),
        },
        "containers": [_container(shard, settings, with_profiles=with_profiles)],
    }
    if settings.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.pull_secrets]
    if with_profiles:
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{PROFILES}']"}}
        items = [{"path": "profiles.yaml", **source}]
        pod["volumes"] = [{"name": "profiles", "downwardAPI": {"items": items}}]
    for field, value in (
        ("nodeSelector", settings.node_selector),
        ("tolerations", settings.tolerations),
        ("affinity", settings.affinity),
    ):
        if value:
            pod[field] = value
    return pod


def _container(shard: int, settings: ManagedSettings, *, with_profiles: bool) -> Json:
    arguments = [
        f"--listen=0.0.0.0:{PORT}",
        f"--metrics=0.0.0.0:{METRICS_PORT}",
        "--placement=Managed",
        f"--shard={shard}",
        "--authenticate",
        f"--audience={AUDIENCE}",
        f"--log-level={settings.log_level}",
        *([f"--profiles={_PROFILES_PATH}/profiles.yaml"] if with_profiles else []),
    ]
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_UID": "metadata.uid"}
    made: Json = {
        "name": "runtime",
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "command": ["pipewise-runtime"],
        "args": arguments,
        "env": [
            {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
            for name, path in fields.items()
        ],
        "ports": [
            {"name": "mcp", "protocol": "TCP", "containerPort": PORT},
            {"name": "metrics", "protocol": "TCP", "containerPort": METRICS_PORT},
        ],
        # Nodes hear that a pod goes some moments after the pod does, and send it calls until then.
        "lifecycle": {"preStop": {"sleep": {"seconds": _GOING_SECONDS}}},
        "livenessProbe": _probe("/healthz", period=10, timeout=3),
        "readinessProbe": _probe("/readyz", period=3, timeout=2),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if with_profiles:
        made["volumeMounts"] = [{"name": "profiles", "mountPath": _PROFILES_PATH, "readOnly": True}]
    resources = {kind: amounts for kind, amounts in settings.resources.model_dump().items() if amounts}
    return {**made, "resources": resources} if resources else made


def _probe(path: str, *, period: int, timeout: int) -> Json:
    return {
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
    }
