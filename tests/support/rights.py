"""What ServiceAccounts may do, asked of the API server."""

from collections.abc import Iterable

from .cluster import Namespace
from .eventually import eventually_sync


def assert_rights(
    namespace: Namespace, account: str, has: Iterable[str] = (), lacks: Iterable[str] = ()
) -> None:
    """Hold a ServiceAccount's rights, such as "get secrets/mine", against what they should be.

    What it should have is waited for: the API server hears of new Roles a moment after they are made.
    """

    def has_them() -> bool:
        assert [each for each in has if not may(namespace, account, *each.split())] == []
        return True

    eventually_sync(has_them, within=10)
    assert [each for each in lacks if may(namespace, account, *each.split())] == []


def may(namespace: Namespace, account: str, verb: str, resource: str) -> bool:
    """Ask the API server whether a ServiceAccount may do something in its namespace."""
    kind, _, name = resource.partition("/") if not resource.endswith("/status") else (resource, "", "")
    groups = {
        "events": "events.k8s.io",
        "pods": "",
        "secrets": "",
        "serviceaccounts": "",
        "deployments": "apps",
        "roles": "rbac.authorization.k8s.io",
        "rolebindings": "rbac.authorization.k8s.io",
        "leases": "coordination.k8s.io",
        "mutatingwebhookconfigurations": "admissionregistration.k8s.io",
        "validatingwebhookconfigurations": "admissionregistration.k8s.io",
    }
    group = groups.get(kind, "mcp.pipewise.io")
    plural, _, subresource = kind.partition("/")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {
                "namespace": namespace.name,
                "verb": verb,
                "group": group,
                "resource": plural,
                "subresource": subresource,
                "name": name,
            },
        },
    }
    answer = namespace.cluster.api.json("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])
