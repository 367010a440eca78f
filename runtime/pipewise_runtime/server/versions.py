"""Which versions of MCP are spoken, and the answer to initialize."""

import msgspec

from pipewise_runtime.version import VERSION

SUPPORTED = ("2025-03-26", "2025-06-18", "2025-11-25")
"""Oldest first; all of the initialize era, over Streamable HTTP."""
LATEST = SUPPORTED[-1]
WITHOUT_HEADER = "2025-03-26"
"""What a request without MCP-Protocol-Version speaks, says the specification."""
WITH_BATCHES = frozenset({"2025-03-26"})
"""Versions whose JSON-RPC has batches; 2025-06-18 took them out."""

_INSTRUCTIONS = (
    "Tools of the services connected for this user. A failed call says what failed and who can mend it."
)


class _Initialize(msgspec.Struct, rename="camel"):
    protocol_version: str


_initialize = msgspec.json.Decoder(_Initialize)


def initialize_result(params: bytes) -> bytes:
    """The encoded result of initialize: the asked version where it is spoken, else the latest.

    Raises:
        msgspec.DecodeError: params name no protocolVersion.
    """
    asked = _initialize.decode(params).protocol_version
    return _RESULTS.get(asked) or _RESULTS[LATEST]


def _result(version: str) -> bytes:
    return msgspec.json.encode(
        {
            "protocolVersion": version,
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "pipewise", "version": VERSION},
            "instructions": _INSTRUCTIONS,
        }
    )


_RESULTS = {version: _result(version) for version in SUPPORTED}
