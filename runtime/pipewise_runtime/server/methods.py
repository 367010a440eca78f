"""What each MCP method is answered with. Everything but tools is answered here; tools are the call path's.

Knows no HTTP: the doors bring a decoded message and send the result, or the fault, as their era has it.
"""

from typing import TypeVar

import msgspec
import structlog

from pipewise_runtime.ports import (
    Caller,
    Calls,
    HeaderMismatchError,
    UnknownToolError,
    UpstreamFaultError,
)
from pipewise_runtime.served import ServedBinding

from .envelope import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Message,
    encoded_error,
)
from .log_levels import Level, rank_of
from .versions import DISCOVER_RESULT, Initialize, initialize_result, modern_listing

log = structlog.get_logger()


class FaultError(Exception):
    """A request is answered with a JSON-RPC error.

    Attributes:
        code: its code.
        error: the encoded error object.
    """

    def __init__(self, code: int, error: bytes) -> None:
        super().__init__(f"JSON-RPC error {code}")
        self.code = code
        self.error = error


class _ListTools(msgspec.Struct):
    cursor: str | None = None


class _SetLevel(msgspec.Struct):
    level: Level


class _CallTool(msgspec.Struct):
    name: str


class _Cancelled(msgspec.Struct, rename="camel"):
    request_id: msgspec.Raw


class _Error(msgspec.Struct):
    code: int = 0


_Params = TypeVar("_Params")

_list_tools = msgspec.json.Decoder(_ListTools)
_set_level = msgspec.json.Decoder(_SetLevel)
_call_tool = msgspec.json.Decoder(_CallTool)
_cancelled = msgspec.json.Decoder(_Cancelled)
_initialize = msgspec.json.Decoder(Initialize)
_error = msgspec.json.Decoder(_Error)


class Methods:
    """Answers requests of one binding's client; every method raises `FaultError` where there is no result."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def initialize(self, request: Message) -> tuple[bytes, bytes]:
        """The encoded result of initialize, and the capabilities that the client declared."""
        try:
            read = _initialize.decode(bytes(request.params) or b"{}")
        except msgspec.DecodeError as error:
            raise _fault(INVALID_PARAMS, f"params of initialize: {error}") from error
        return initialize_result(read.protocol_version), bytes(read.capabilities)

    async def handshake(self, binding: ServedBinding, request: Message) -> bytes:
        """The encoded result of any other method of the initialize era but tools/call."""
        match request.method:
            case "ping":
                return b"{}"
            case "tools/list":
                return await self._listing(binding, request)
            case "logging/setLevel":
                _decoded(_set_level, request)
                return b"{}"
        raise _fault(METHOD_NOT_FOUND, f"method not found: {request.method}")

    async def modern(self, binding: ServedBinding, request: Message) -> bytes:
        """The encoded result of any method of 2026-07-28 but tools/call and subscriptions/listen."""
        match request.method:
            case "server/discover":
                return DISCOVER_RESULT
            case "tools/list":
                return modern_listing(await self._listing(binding, request))
        raise _fault(METHOD_NOT_FOUND, f"method not found: {request.method}")

    async def call(self, binding: ServedBinding, params: bytes, caller: Caller) -> bytes:
        """The encoded result of tools/call."""
        try:
            return await self._calls.call(binding, params, caller)
        except UnknownToolError as error:
            name = _call_tool.decode(params).name
            raise _fault(INVALID_PARAMS, f"Unknown tool: {name}") from error
        except HeaderMismatchError as error:
            raise _fault(HEADER_MISMATCH, str(error)) from error
        except UpstreamFaultError as fault:
            raise FaultError(_code_in(fault.error), fault.error) from fault
        except ValueError as error:
            raise _fault(INVALID_PARAMS, f"params of tools/call: {error}") from error
        except Exception as error:
            log.exception("call_failed", agent=binding.agent, user=binding.user)
            raise _internal() from error

    async def _listing(self, binding: ServedBinding, request: Message) -> bytes:
        cursor = _decoded(_list_tools, request).cursor
        if cursor is not None:
            raise _fault(INVALID_PARAMS, "there is one page only: leave out cursor")
        try:
            return await self._calls.tools(binding)
        except Exception as error:
            log.exception("request_failed", method=request.method, agent=binding.agent, user=binding.user)
            raise _internal() from error


def chosen_rank(set_level: Message) -> int:
    """The rank of the level that a logging/setLevel, which was answered, names."""
    return rank_of(_decoded(_set_level, set_level).level)


def cancelled_id(notification: Message) -> bytes | None:
    """The encoded id of the request that a notifications/cancelled names."""
    try:
        return bytes(_cancelled.decode(bytes(notification.params)).request_id)
    except msgspec.DecodeError:
        return None


def _decoded(decoder: "msgspec.json.Decoder[_Params]", request: Message) -> _Params:
    try:
        return decoder.decode(bytes(request.params) or b"{}")
    except msgspec.DecodeError as error:
        raise _fault(INVALID_PARAMS, f"params of {request.method}: {error}") from error


def _fault(code: int, message: str) -> FaultError:
    return FaultError(code, encoded_error(code, message))


def _internal() -> FaultError:
    return _fault(INTERNAL_ERROR, "internal error; the runtime's log says more")


def _code_in(error: bytes) -> int:
    try:
        return _error.decode(error).code
    except msgspec.DecodeError:
        return 0
