"""The two eras of MCP, and what changes in a message between a caller of one and an upstream of the other.

In the initialize era a session is opened and both sides say once what they can do; since 2026-07-28 every
request says so itself, in `_meta`. What both eras know passes as the bytes it came in.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The versions of the initialize era, oldest first."""

MODERN_VERSION = "2026-07-28"
"""The version of MCP without sessions."""

NOTHING = b"{}"
"""The capabilities of a caller that cannot be asked anything."""

_KEY = "io.modelcontextprotocol/"
_VERSION_KEY, _CAPABILITIES_KEY, _INFO_KEY = (
    _KEY + "protocolVersion",
    _KEY + "clientCapabilities",
    _KEY + "clientInfo",
)
_HOP_BY_HOP = frozenset(
    {
        _VERSION_KEY,
        _CAPABILITIES_KEY,
        _INFO_KEY,
        _KEY + "logLevel",
        _KEY + "serverInfo",
        _KEY + "subscriptionId",
    }
)
"""Keys of `_meta` that speak of the two ends of one connection, not of the call."""
_CLIENT_INFO = msgspec.Raw(b'{"name":"pipewise-runtime","version":"1"}')
_ASKED_BY = {"sampling/createMessage": "sampling", "elicitation/create": "elicitation", "roots/list": "roots"}
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "sampling": ("context", "tools"),
    "elicitation": ("form", "url"),
    "roots": (),
}
"""What a caller can be asked, and the kinds of it."""

Fields = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(Fields)
_capabilities = msgspec.json.Decoder(dict[str, Any])


class Era(StrEnum):
    """How two sides come to terms."""

    HANDSHAKE = "handshake"
    """`initialize` first; 2024-11-05 to 2025-11-25."""
    MODERN = "modern"
    """Every request stands alone; since 2026-07-28."""


class Speaks(NamedTuple):
    """How a caller speaks; a session that one such caller opened serves all who speak like it."""

    era: Era = Era.HANDSHAKE
    capabilities: bytes = NOTHING
    """What a caller of the initialize era can be asked, in canonical form; a modern one says so each time."""


PLAIN = Speaks()
"""A caller of the initialize era that cannot be asked anything."""
UNASKED = Speaks(Era.MODERN)
"""A caller of 2026-07-28."""


class _Result(msgspec.Struct, rename="camel"):
    result_type: str = ""


_result = msgspec.json.Decoder(_Result)


def canonical(capabilities: bytes) -> bytes:
    """The part of a client's capabilities that upstreams may use, spelled in one way only.

    Raises:
        msgspec.DecodeError: it is not a JSON object.
    """
    declared = _capabilities.decode(capabilities)
    known = {name: declared[name] for name in _DETAILS if isinstance(declared.get(name), dict)}
    kinds: dict[str, dict[str, Any]] = {
        name: {kind: {} for kind in _DETAILS[name] if kind in value} for name, value in known.items()
    }
    return msgspec.json.encode(kinds)


def can_be_asked(capabilities: bytes, method: str) -> bool:
    """Whether a caller of these canonical capabilities takes a request of that method."""
    capability = _ASKED_BY.get(method)
    return capability is not None and capability in _capabilities.decode(capabilities)


def translated(params: bytes, speaks: Speaks, era: Era) -> bytes:
    """The params of a caller's request as an upstream of an era takes them."""
    if speaks.era is era:
        return params
    if era is Era.HANDSHAKE:
        return without_hops(params)
    fields = _fields.decode(params)
    meta = _fields.decode(fields["_meta"]) if "_meta" in fields else {}
    said = {
        _VERSION_KEY: msgspec.Raw(b'"%b"' % MODERN_VERSION.encode()),
        _INFO_KEY: _CLIENT_INFO,
        _CAPABILITIES_KEY: msgspec.Raw(speaks.capabilities),
    }
    return msgspec.json.encode({**fields, "_meta": {**meta, **said}})


def without_hops(encoded: bytes) -> bytes:
    """Params or a result without what was meant for the other end of its connection only."""
    if b'"io.modelcontextprotocol/' not in encoded:
        return encoded
    fields = _fields.decode(encoded)
    if not bytes(fields.get("_meta", b"")).startswith(b"{"):
        return encoded
    meta = _fields.decode(fields["_meta"])
    kept = {key: value for key, value in meta.items() if key not in _HOP_BY_HOP}
    if kept == meta:
        return encoded
    rest: dict[str, Any] = {key: value for key, value in fields.items() if key != "_meta"}
    return msgspec.json.encode({**rest, "_meta": kept} if kept else rest)


def completed(result: bytes) -> bytes:
    """A result as a modern caller takes it: it says that it is complete, unless it says something else."""
    if b'"resultType"' in result and _result.decode(result).result_type:
        return result
    body = result.lstrip()[1:]
    comma = b"" if body.lstrip().startswith(b"}") else b","
    return b'{"resultType":"complete"%b%b' % (comma, body)


def asks_for_input(result: bytes) -> bool:
    """Whether a result is not the end of the call but asks the caller for something first."""
    return b'"input_required"' in result and _result.decode(result).result_type == "input_required"
