"""The block of request headers that a session sends with every request, built once for each token."""

from urllib.parse import urlsplit

import msgspec

from pipewise_runtime.ports import Token
from pipewise_runtime.served import Project


class SessionKey(msgspec.Struct, frozen=True, cache_hash=True):
    """Whose session it is: one user's use of one app, with one account if it is pinned."""

    project: Project
    app: str
    user: str
    account_id: str | None


def head(key: SessionKey, token: Token, session_id: bytes | None, version: bytes | None) -> bytes:
    """The block of request headers, all but the length."""
    url = urlsplit(key.project.mcp_url)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines: list[tuple[str, str]] = [
        ("host", url.netloc.rpartition("@")[2]),
        ("authorization", f"Bearer {token.value}"),
        ("x-pd-project-id", key.project.project_id),
        ("x-pd-environment", key.project.environment),
        ("x-pd-external-user-id", key.user),
        ("x-pd-app-slug", key.app),
        ("x-pd-tool-mode", "tools-only"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("accept-encoding", "identity"),
    ]
    if key.account_id:
        lines.append(("x-pd-account-id", key.account_id))
    text = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
    block = text.encode()
    if session_id:
        block += b"mcp-session-id: %b\r\n" % session_id
    if version:
        block += b"mcp-protocol-version: %b\r\n" % version
    return block
