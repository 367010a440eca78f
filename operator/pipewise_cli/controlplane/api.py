"""A small synchronous client of the API server: just enough to wait for it, install CRDs and mint tokens."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TIMEOUT_SECONDS = 10.0

APPLY = "application/apply-patch+yaml"
"""Content type of server-side apply; JSON is YAML."""


class ApiError(RuntimeError):
    """The API server refused a request.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Api:
    """The API server at a URL, as the holder of a token."""

    url: str
    token: str = field(repr=False)
    trust: ssl.SSLContext = field(repr=False)

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """Send one request and return the body of the reply.

        Raises:
            ApiError: the server answered with an error status.
            OSError: the server could not be reached.
        """
        request = urllib.request.Request(  # noqa: S310 - the URL is that of our own API server
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content_type},
            method=method,
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 - likewise
                request, timeout=_TIMEOUT_SECONDS, context=self.trust
            ) as reply:
                data: bytes = reply.read()
                return data
        except urllib.error.HTTPError as error:
            with error:
                reason = _reason(error.read())
            raise ApiError(error.code, f"{method} {path}: HTTP {error.code}: {reason}") from error

    def json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Like `request`, for replies that are JSON objects."""
        reply: dict[str, Any] = json.loads(self.request(method, path, body))
        return reply

    def apply(self, path: str, manifest: Mapping[str, Any], field_manager: str) -> dict[str, Any]:
        """Create or update one object by server-side apply."""
        target = f"{path}?fieldManager={field_manager}&force=true"
        reply: dict[str, Any] = json.loads(self.request("PATCH", target, manifest, APPLY))
        return reply


def _reason(body: bytes) -> str:
    """The message of a Status object; the reply itself when it is something else."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        return body[:2000].decode(errors="replace")
