"""Who may talk to the embedded API server: tokens, the key of service accounts, and kubeconfigs."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ADMIN_GROUP = "system:masters"

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve's base point (FIPS 186-4, D.1.2.3)."""

_SEC1_BEFORE_SCALAR = bytes.fromhex("30310201010420")
_SEC1_AFTER_SCALAR = bytes.fromhex("a00a06082a8648ce3d030107")
"""DER of an ECPrivateKey (RFC 5915) on prime256v1; the reader computes the public key."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody whom the API server knows by a token."""

    name: str
    groups: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text)


def token_file(users: Iterable[User]) -> str:
    """The API server's token file: token, name, uid and groups of each user."""
    return "".join(f'{user.token},{user.name},{user.name},"{",".join(user.groups)}"\n' for user in users)


def signing_key() -> str:
    """A new elliptic curve key, PEM, with which the API server signs service account tokens."""
    scalar = 1 + secrets.randbelow(_P256_ORDER - 1)
    der = _SEC1_BEFORE_SCALAR + scalar.to_bytes(32, "big") + _SEC1_AFTER_SCALAR
    body = base64.encodebytes(der).decode().replace("\n", "")
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"


def kubeconfig(url: str, authority: bytes, token: str, namespace: str = "default") -> str:
    """A kubeconfig for one user of the API server at url; the authority (PEM) vouches for its certificate."""
    name = "pipewise"
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": url,
                        "certificate-authority-data": base64.b64encode(authority).decode(),
                    },
                }
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        },
        sort_keys=False,
    )
