"""The Secret that holds a project's developer token."""

import hashlib
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipewise_crds import API_VERSION, PROJECT, PipedreamProject, timestamp, token_secret_name

LABEL = "mcp.pipewise.io/project"
CLIENT_ANNOTATION = "mcp.pipewise.io/client"
RENEW_ANNOTATION = "mcp.pipewise.io/renew-at"


@dataclass(frozen=True, slots=True)
class Token:
    """A developer token as it is kept in the Secret."""

    value: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime
    client: str
    """Whose token it is: see `fingerprint`."""


def fingerprint(project: PipedreamProject, client_id: str) -> str:
    """Tells a token of another client, endpoint or project from one that may be used; holds no secret."""
    spec = project.spec
    text = f"{spec.endpoints.api}\n{spec.project_id}\n{spec.environment}\n{client_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def token_secret(project: PipedreamProject, token: Token) -> dict[str, Any]:
    """The Secret, for server-side apply; it goes when its project goes."""
    meta = project.metadata
    owner = {
        "apiVersion": API_VERSION,
        "kind": PROJECT.name,
        "name": meta.name,
        "uid": meta.uid,
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": token_secret_name(meta.name),
            "namespace": meta.namespace,
            "labels": {LABEL: meta.name, "app.kubernetes.io/managed-by": "pipewise-operator"},
            "annotations": {CLIENT_ANNOTATION: token.client, RENEW_ANNOTATION: timestamp(token.renew_at)},
            "ownerReferences": [owner],
        },
        "type": "Opaque",
        "stringData": {"token": token.value, "expires-at": timestamp(token.expires_at)},
    }


def token_in(secret: Mapping[str, Any]) -> Token | None:
    """The token a Secret holds; None when it is not one that this program wrote whole."""
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    value, expires_at = text_in(secret, "token"), _moment(text_in(secret, "expires-at"))
    renew_at = _moment(annotations.get(RENEW_ANNOTATION))
    if not value or expires_at is None or renew_at is None:
        return None
    return Token(value, expires_at, renew_at, annotations.get(CLIENT_ANNOTATION, ""))


def text_in(secret: Mapping[str, Any], key: str) -> str | None:
    """One value of a Secret as text, without an editor's last newline; None when absent or unreadable."""
    encoded = (secret.get("data") or {}).get(key)
    try:
        return None if encoded is None else b64decode(encoded, validate=True).decode().strip()
    except (BinasciiError, UnicodeDecodeError):
        return None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
