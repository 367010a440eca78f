"""The token an agent shows to a Managed runtime. Used by `pipedream_mcp`; sidecars ask for none."""

from collections.abc import Generator
from pathlib import Path

import httpx2


class BearerFromFile(httpx2.Auth):
    """Reads the token anew for each request: the kubelet replaces a projected token before it expires."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the token to a request."""
        request.headers["Authorization"] = f"Bearer {self._path.read_text().strip()}"
        yield request
