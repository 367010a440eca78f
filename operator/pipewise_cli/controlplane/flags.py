"""The command lines of etcd and kube-apiserver: on loopback, quick to start, otherwise as in a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .addresses import LOOPBACK

ISSUER = "https://kubernetes.default.svc"
"""Issuer of service account tokens, and the audience the API server takes for its own."""

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
- level: None
  userGroups: [system:apiserver]
- level: None
  users: [system:apiserver]
- level: Metadata
"""
"""One line for every write that is not the API server's own."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the two programs keep their files, inside one folder."""

    folder: Path

    @property
    def tokens(self) -> Path:
        """Tokens and the users they stand for."""
        return self.folder / "tokens.csv"

    @property
    def signing_key(self) -> Path:
        """The key that signs service account tokens."""
        return self.folder / "service-accounts.key"

    @property
    def audit_policy(self) -> Path:
        """Which requests are written to the audit log."""
        return self.folder / "audit-policy.yaml"


def etcd(paths: Paths, port: int, peer_port: int) -> Sequence[str]:
    """The flags of etcd. Data is not forced to disk: it is not meant to outlive the machine's next crash."""
    client, peer = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
    return (
        f"--data-dir={paths.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )


def apiserver(paths: Paths, etcd_port: int, port: int) -> Sequence[str]:
    """The flags of kube-apiserver."""
    return (
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--secure-port={port}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--cert-dir={paths.folder / 'certificates'}",
        f"--token-auth-file={paths.tokens}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-signing-key-file={paths.signing_key}",
        f"--service-account-key-file={paths.signing_key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        # Pods of the tests name service accounts that no controller creates.
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",
        f"--audit-policy-file={paths.audit_policy}",
        f"--audit-log-path={paths.folder / 'audit.log'}",
    )
