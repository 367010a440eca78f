"""What each MCP method is answered with. Everything but tools is answered here; tools are the call path's.

Knows no HTTP: the agents' application brings a decoded message and sends the encoded reply.
"""

from typing import Literal

import msgspec
import structlog

from pipewise_runtime.ports import Calls, OnNotification, UnknownToolError, UpstreamFaultError
from pipewise_runtime.served import ServedBinding

from .envelope import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Message,
    error_reply,
    fault_reply,
    result_reply,
)
from .versions import initialize_result

log = structlog.get_logger()


class _ListTools(msgspec.Struct):
    cursor: str | None = None


class _SetLevel(msgspec.Struct):
    level: Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


class _CallTool(msgspec.Struct):
    name: str


class _Cancelled(msgspec.Struct, rename="camel"):
    request_id: msgspec.Raw


_list_tools = msgspec.json.Decoder(_ListTools)
_set_level = msgspec.json.Decoder(_SetLevel)
_call_tool = msgspec.json.Decoder(_CallTool)
_cancelled = msgspec.json.Decoder(_Cancelled)


class Methods:
    """Answers requests of one binding's client."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def answer(self, binding: ServedBinding, request: Message) -> bytes:
        """The encoded response to any request but tools/call."""
        encoded_id, params = bytes(request.id), bytes(request.params) or b"{}"
        try:
            match request.method:
                case "initialize":
                    return result_reply(encoded_id, initialize_result(params))
                case "ping":
                    return result_reply(encoded_id, b"{}")
                case "tools/list":
                    if _list_tools.decode(params).cursor is not None:
                        return error_reply(
                            encoded_id, INVALID_PARAMS, "there is one page only: leave out cursor"
                        )
                    return result_reply(encoded_id, await self._calls.tools(binding))
                case "logging/setLevel":
                    _set_level.decode(params)
                    return result_reply(encoded_id, b"{}")
        except msgspec.DecodeError as error:
            return error_reply(encoded_id, INVALID_PARAMS, f"params of {request.method}: {error}")
        except Exception:
            log.exception("request_failed", method=request.method, agent=binding.agent, user=binding.user)
            return error_reply(encoded_id, INTERNAL_ERROR, "internal error; the runtime's log says more")
        return error_reply(encoded_id, METHOD_NOT_FOUND, f"method not found: {request.method}")

    async def call(self, binding: ServedBinding, request: Message, notify: OnNotification) -> bytes:
        """The encoded response to tools/call."""
        encoded_id, params = bytes(request.id), bytes(request.params)
        try:
            return result_reply(encoded_id, await self._calls.call(binding, params, notify))
        except UnknownToolError:
            return error_reply(encoded_id, INVALID_PARAMS, f"Unknown tool: {_call_tool.decode(params).name}")
        except UpstreamFaultError as fault:
            return fault_reply(encoded_id, fault.error)
        except ValueError as error:
            return error_reply(encoded_id, INVALID_PARAMS, f"params of tools/call: {error}")
        except Exception:
            log.exception("call_failed", agent=binding.agent, user=binding.user)
            return error_reply(encoded_id, INTERNAL_ERROR, "internal error; the runtime's log says more")


def cancelled_id(notification: Message) -> bytes | None:
    """The encoded id of the request that a notifications/cancelled names."""
    try:
        return bytes(_cancelled.decode(bytes(notification.params)).request_id)
    except msgspec.DecodeError:
        return None


def not_in_batch(request: Message) -> bytes:
    """The encoded refusal of an initialize request inside a batch."""
    return error_reply(bytes(request.id), INVALID_REQUEST, "initialize must not be part of a batch")
