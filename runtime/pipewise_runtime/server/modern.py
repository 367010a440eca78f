"""The rules of MCP 2026-07-28 for a request: what it must say of itself, and that its headers say the same.

Pure; between the envelope and the methods.
"""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from pipewise_runtime.core.eras import MODERN_VERSION
from pipewise_runtime.core.param_headers import decoded

from .envelope import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    Message,
)
from .log_levels import NOTHING, rank_of
from .versions import SUPPORTED

STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""The HTTP status that goes with an error; 200 for all others."""

_KEY = "io.modelcontextprotocol/"
_NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods that name what they want, and the param that does."""


class Routing(NamedTuple):
    """The headers that say again what the body says; empty where absent."""

    version: str = ""
    method: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a request is not answered."""

    code: int
    message: str
    data: object = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a request said of its client."""

    least_rank: int
    """Of the log messages that its client wants to hear."""


class _Meta(msgspec.Struct, rename=lambda name: _KEY + name):
    protocolVersion: msgspec.Raw = msgspec.Raw()  # noqa: N815 - the protocol's words, under its prefix
    clientCapabilities: msgspec.Raw = msgspec.Raw()  # noqa: N815 - likewise
    logLevel: msgspec.Raw = msgspec.Raw()  # noqa: N815 - likewise


class _Params(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta")
    name: msgspec.Raw = msgspec.Raw()
    uri: msgspec.Raw = msgspec.Raw()


_params = msgspec.json.Decoder(_Params)
_TEXT = msgspec.json.Decoder(str)


def examined(message: Message, routing: Routing | None) -> Envelope | Rejection:
    """Look whether a request keeps the rules; without `routing` there are no headers to compare."""
    try:
        params = _params.decode(bytes(message.params) or b"{}")
    except msgspec.DecodeError as error:
        if routing and routing.version not in SUPPORTED:
            return unsupported(routing.version)
        return Rejection(INVALID_PARAMS, f"params._meta must say what the client speaks and can: {error}")
    meta = params.meta
    for key, value in (
        ("protocolVersion", meta.protocolVersion),
        ("clientCapabilities", meta.clientCapabilities),
    ):
        if not bytes(value):
            return Rejection(INVALID_PARAMS, f"params._meta lacks {_KEY}{key}")
    if not bytes(meta.clientCapabilities).startswith(b"{"):
        return Rejection(INVALID_PARAMS, f"{_KEY}clientCapabilities must be an object")
    if routing and (fault := _mismatch(message, params, routing)):
        return Rejection(HEADER_MISMATCH, fault)
    version = _text(meta.protocolVersion)
    if version != MODERN_VERSION:
        return unsupported(version or "")
    return Envelope(rank_of(_text(meta.logLevel) or "") if bytes(meta.logLevel) else NOTHING)


def unsupported(version: str) -> Rejection:
    """The rejection of a version that is not spoken."""
    text = f"MCP {version} is not spoken here; use one of {', '.join(SUPPORTED)}"
    return Rejection(UNSUPPORTED_VERSION, text, {"supported": list(SUPPORTED), "requested": version})


def _mismatch(message: Message, params: _Params, routing: Routing) -> str:
    """Which header does not say what the body says, or nothing."""
    if routing.version != _text(params.meta.protocolVersion):
        return f"MCP-Protocol-Version does not say the same as {_KEY}protocolVersion"
    if routing.method != message.method:
        return "Mcp-Method does not say the same as the body's method"
    field = _NAMES.get(message.method)
    if field:
        name = _text(params.uri if field == "uri" else params.name)
        if name is not None and decoded(routing.name) != name:
            return f"Mcp-Name does not say the same as params.{field}"
    return ""


def _text(value: msgspec.Raw) -> str | None:
    try:
        return _TEXT.decode(value) if bytes(value) else None
    except msgspec.DecodeError:
        return None
