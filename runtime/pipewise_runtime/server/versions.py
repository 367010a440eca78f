"""Which versions of MCP are spoken, and what is said of us when a client asks."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipewise_runtime.core.eras import HANDSHAKE_VERSIONS, MODERN_VERSION
from pipewise_runtime.version import VERSION

SUPPORTED = (*HANDSHAKE_VERSIONS, MODERN_VERSION)
LATEST = HANDSHAKE_VERSIONS[-1]
"""What a client that asks for an unknown version in `initialize` is offered."""
WITHOUT_HEADER = "2025-03-26"
"""What a request without MCP-Protocol-Version speaks, says the specification."""
WITH_BATCHES = frozenset({"2024-11-05", "2025-03-26"})
"""Versions whose JSON-RPC has batches; 2025-06-18 took them out."""

_INSTRUCTIONS = (
    "Tools of the services connected for this user. A failed call says what failed and who can mend it."
)
_SERVER_INFO = {"name": "pipewise", "version": VERSION}
_CAPABILITIES = {"tools": {"listChanged": True}, "logging": {}}
_MODERN = {
    "ttlMs": 0,
    "cacheScope": "private",
    "resultType": "complete",
    "_meta": {"io.modelcontextprotocol/serverInfo": _SERVER_INFO},
}
"""What 2026-07-28 adds to the results that may be cached."""


class Initialize(msgspec.Struct, rename="camel"):
    """The params of initialize."""

    protocol_version: str
    capabilities: msgspec.Raw = msgspec.Raw(b"{}")


def initialize_result(asked: str) -> bytes:
    """The encoded result of initialize: the asked version where it is spoken, else the latest."""
    return _RESULTS.get(asked) or _RESULTS[LATEST]


def modern_listing(listing: bytes) -> bytes:
    """An encoded result of tools/list as 2026-07-28 wants it."""
    return b"%b,%b" % (listing[:-1], _MODERN_FIELDS)


def _result(version: str) -> bytes:
    return msgspec.json.encode(
        {
            "protocolVersion": version,
            "capabilities": _CAPABILITIES,
            "serverInfo": _SERVER_INFO,
            "instructions": _INSTRUCTIONS,
        }
    )


_RESULTS: Mapping[str, bytes] = {version: _result(version) for version in HANDSHAKE_VERSIONS}
_MODERN_FIELDS = msgspec.json.encode(_MODERN)[1:]
_discover: dict[str, Any] = {
    "supportedVersions": SUPPORTED,
    "capabilities": _CAPABILITIES,
    "instructions": _INSTRUCTIONS,
    **_MODERN,
}
DISCOVER_RESULT = msgspec.json.encode(_discover)
"""The encoded result of server/discover."""
