"""Tools of the MCP upstream for tests that ask the caller something, each in the way of its era.

In the initialize era by requests to the client; in 2026-07-28 by results that ask for input.
"""

import hashlib
import hmac
import json
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from pydantic import TypeAdapter

Context = ServerRequestContext[Any, Any]
JSON = dict[str, Any]

_ANY = TypeAdapter(dict[str, Any])


def _schema(**properties: JSON) -> JSON:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _form(message: str, schema: JSON) -> JSON:
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def _sampling(words: str, tokens: int = 100) -> JSON:
    message = {"role": "user", "content": {"type": "text", "text": words}}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": tokens}}


_NAME = _form("What is your name?", _schema(name={"type": "string"}))
_CONFIRM = _form("Please confirm", _schema(ok={"type": "boolean"}))
_COLOUR = _form("Step 2: What is your favorite color?", _schema(color={"type": "string"}))
_ROOTS: JSON = {"method": "roots/list", "params": {}}
_DEFAULTS: JSON = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_TITLED = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in ((1, "First"), (2, "Second"))]
_ENUMS: JSON = {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}
_NEEDS = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}

_REQUESTS: dict[str, JSON] = {
    "test_sampling": _sampling("prompt"),
    "test_elicitation": _form("message", _schema(username={"type": "string"}, email={"type": "string"})),
    "test_elicitation_sep1034_defaults": _form("Please look at the defaults", _schema(**_DEFAULTS)),
    "test_elicitation_sep1330_enums": _form("Please choose", _schema(**_ENUMS)),
}
"""What is asked of the client in the initialize era."""

_MULTIPLE = {"user_name": _NAME, "greeting": _sampling("Generate a greeting", 50), "client_roots": _ROOTS}
_INPUTS: dict[str, JSON] = {
    "test_streaming_elicitation": {"user_name": _NAME},
    "test_input_required_result_elicitation": {"user_name": _NAME},
    "test_input_required_result_sampling": {"capital_question": _sampling("What is the capital of France?")},
    "test_input_required_result_list_roots": {"client_roots": _ROOTS},
    "test_input_required_result_request_state": {"confirm": _CONFIRM},
    "test_input_required_result_multiple_inputs": _MULTIPLE,
    "test_input_required_result_multi_round": {"step1": _NAME},
    "test_input_required_result_tampered_state": {"confirm": _CONFIRM},
    "test_input_required_result_capabilities": _MULTIPLE,
}
"""What input results of 2026-07-28 ask for."""
_WITH_STATE = frozenset(name for name in _INPUTS if name.endswith(("state", "inputs", "round")))

ASKING = (*_REQUESTS, *_INPUTS)
"""The names of these tools."""


async def asking(context: Context, params: types.CallToolRequestParams) -> JSON:
    """Carry out a tool that asks."""
    if params.name in _REQUESTS:
        return await _by_request(context, params)
    return _by_result(context, params)


async def _by_request(context: Context, params: types.CallToolRequestParams) -> JSON:
    asked = json.loads(json.dumps(_REQUESTS[params.name]))
    arguments = params.arguments or {}
    if "message" in arguments:
        asked["params"]["message"] = arguments["message"]
    if "prompt" in arguments:
        asked["params"]["messages"][0]["content"]["text"] = arguments["prompt"]
    request = (types.CreateMessageRequest if params.name == "test_sampling" else types.ElicitRequest)(**asked)
    answer = await context.session.send_request(
        request,
        types.CreateMessageResult if params.name == "test_sampling" else types.ElicitResult,
        metadata=ServerMessageMetadata(related_request_id=context.request_id),
    )
    said = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _text(f"The client answered: {json.dumps(said, ensure_ascii=False)}")


def _by_result(context: Context, params: types.CallToolRequestParams) -> JSON:
    name, state = params.name, params.request_state
    responses = (params.model_dump(mode="json", by_alias=True).get("inputResponses")) or {}
    if state is not None and not _is_genuine(state):
        raise MCPError(-32602, "requestState was tampered with")
    wanted = {key: asked for key, asked in _INPUTS[name].items() if _is_able(context, name, asked)}
    if name.endswith("multi_round") and state == _signed("round-1") and "step1" in responses:
        return {**_wanting({"step2": _COLOUR}), "requestState": _signed("round-2")}
    if name.endswith("multi_round") and state == _signed("round-2") and "step2" in responses:
        return _text("both rounds done")
    if not responses.keys() >= wanted.keys() or not all(map(_is_answer, responses.values())):
        asked = _wanting(wanted)
        return {**asked, "requestState": _signed("round-1")} if name in _WITH_STATE else asked
    return _text(f"state-ok, thank you: {json.dumps(responses, ensure_ascii=False, sort_keys=True)}")


def _is_able(context: Context, name: str, asked: JSON) -> bool:
    if not name.endswith("capabilities"):
        return True
    declared = context.session.client_capabilities
    return getattr(declared, _NEEDS[asked["method"]], None) is not None


def _is_answer(response: object) -> bool:
    return isinstance(response, dict) and bool({"action", "content", "roots", "model"} & response.keys())


def _wanting(wanted: JSON) -> JSON:
    return {"resultType": "input_required", "inputRequests": wanted}


def _signed(words: str) -> str:
    return words + "." + hmac.new(b"test", words.encode(), hashlib.sha256).hexdigest()


def _is_genuine(state: str) -> bool:
    return hmac.compare_digest(_signed(state.partition(".")[0]).encode(), state.encode())


def _text(words: str) -> JSON:
    return {"content": [{"type": "text", "text": words}]}
