"""The rights of runtimes in a namespace: one Role, and a RoleBinding for the ServiceAccount of each pod."""

import hashlib
from collections.abc import Iterable
from typing import Any

from pipewise_crds import GROUP, token_secret_name

Json = dict[str, Any]

KINDS = ("Role", "RoleBinding")
ROLE = "pipewise-runtime"
"""Name of the Role, and of the managed runtimes' ServiceAccount."""
LABELS = {
    "app.kubernetes.io/name": "pipewise-mcp",
    "app.kubernetes.io/component": "runtime",
    "app.kubernetes.io/part-of": "pipewise-mcp",
    "app.kubernetes.io/managed-by": "pipewise-operator",
}
"""Of everything the operator makes for runtimes; by the last it is told from what others made."""
_RBAC = "rbac.authorization.k8s.io"
_LONGEST_NAME = 253


def identities(namespace: str, accounts: Iterable[str], projects: Iterable[str]) -> list[Json]:
    """The Role and RoleBindings of a namespace; nothing where no pod holds a runtime."""
    bound = [_role_binding(namespace, account) for account in sorted(set(accounts))]
    return [_role(namespace, sorted(set(projects))), *bound] if bound else []


def _role(namespace: str, projects: list[str]) -> Json:
    ours: Json = {"apiGroups": [GROUP]}
    rules: list[Json] = [
        {**ours, "resources": ["agentmcpbindings", "pipedreamprojects"], "verbs": ["get", "list", "watch"]},
        # Which of them is its own, RBAC cannot say: an admission policy does.
        {**ours, "resources": ["mcpruntimes"], "verbs": ["get", "list", "watch", "create"]},
        {**ours, "resources": ["mcpruntimes/status"], "verbs": ["patch"]},
    ]
    if projects:
        tokens = [token_secret_name(project) for project in projects]
        rules.append({"apiGroups": [""], "resources": ["secrets"], "resourceNames": tokens, "verbs": ["get"]})
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": ROLE, "namespace": namespace, "labels": LABELS},
        "rules": rules,
    }


def _role_binding(namespace: str, account: str) -> Json:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role_binding_name(account), "namespace": namespace, "labels": LABELS},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": ROLE},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def role_binding_name(account: str) -> str:
    """The name of a ServiceAccount's RoleBinding."""
    name = f"{ROLE}-{account}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{ROLE}-{hashlib.sha256(account.encode()).hexdigest()}"
