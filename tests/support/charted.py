"""The operator with the rights and settings that the chart gives it, on the test API server."""

from collections.abc import Sequence
from pathlib import Path

from .chart import named, objects
from .cluster import Namespace
from .programs import Program

_RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
POLICY = "ValidatingAdmissionPolicy"
PER_SHARD = 2
"""Bindings in a shard."""


def charted_operator(namespace: Namespace, folder: Path, *values: str, scope: Sequence[str]) -> Program:
    """The operator's program, not yet started; the chart's Roles are in force.

    Args:
        namespace: where the release is.
        folder: for its files and logs.
        values: further values of the chart.
        scope: the command line that says where it looks.
    """
    settings = (f"managed.bindingsPerShard={PER_SHARD}", f"fullnameOverride={namespace}", *values)
    found = objects(*settings, "webhook.enabled=false", namespace=namespace.name)
    # The policy confines nobody as long as it is not bound; here it owns what the operator makes.
    namespace.apply(*(each for each in found if each["kind"] in (*_RIGHTS, POLICY)))
    config, managed = folder / "kubeconfig", folder / "managed.yaml"
    token = namespace.service_account_token(f"{namespace}-operator")
    config.write_text(namespace.cluster.plane.kubeconfig_text(token, namespace.name))
    managed.write_text(named(found, "ConfigMap", "-managed")["data"]["managed.yaml"])
    lease = ("--lease", f"{namespace}-operator", "--owner", f"{namespace}-own-runtime")
    where: list[str | Path] = ["--metrics", "127.0.0.1:0", "--kubeconfig", config, "--managed", managed]
    return Program("pipewise_operator", [*where, *lease, *scope], folder)
