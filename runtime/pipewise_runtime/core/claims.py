"""What a token says of itself, before anybody has vouched for it: enough to refuse it, never to trust it.

Pure. A token that the API server accepts says the same as what is read here, so that one which names another
audience, or a time that has passed, need not be asked about.
"""

import base64
from dataclasses import dataclass

import msgspec

LONGEST_TOKEN = 16 * 1024
"""Characters; tokens of Kubernetes have about 1,000."""

_PARTS = 3


@dataclass(frozen=True, slots=True)
class Claims:
    """What a JSON Web Token claims.

    Attributes:
        audiences: for whom it was issued.
        expires_at: seconds since 1970; None where it says no end.
    """

    audiences: frozenset[str]
    expires_at: float | None


class _Payload(msgspec.Struct):
    aud: list[str] | str = []
    exp: float | None = None


_payload = msgspec.json.Decoder(_Payload)


def claims_of(token: str) -> Claims | None:
    """Read the claims of a JSON Web Token; None where it is none, or cannot be read."""
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or not token.isascii() or len(parts) != _PARTS or not all(parts):
        return None
    payload = parts[1]
    try:
        decoded = base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True)
        found = _payload.decode(decoded)
    except (ValueError, msgspec.DecodeError):
        return None
    audiences = [found.aud] if isinstance(found.aud, str) else found.aud
    return Claims(frozenset(audiences), found.exp)
