"""MCP results as Pipedream words them: the run's JSON as text, its errors, and "connect your account".

Used by ``backend`` (the run) and the server (the account). A pretty-printed ``{exports, os, ret}`` is what
the hosted server answers; a failure inside a component is an observation *without* ``isError``.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Result = dict[str, Any]


def returned(ret: object, summary: str, request_id: str) -> Result:
    """The result of an action that ran."""
    return _run({"exports": {"$summary": summary}, "os": [], "ret": ret}, request_id)


def failed_inside(message: str, name: str, now: datetime, request_id: str) -> Result:
    """The result of an action that failed inside its component."""
    error = {"name": name, "message": message, "stack": f"{name}: {message}\n    at Object.run"}
    observation = {"k": "error", "ts": int(now.timestamp() * 1000), "err": error}
    return _run({"exports": {}, "os": [observation]}, request_id)


def invalid_arguments(tool: str, issues: Sequence[Mapping[str, Any]], request_id: str) -> Result:
    """The result of a call whose arguments the tool's schema forbids."""
    listed = json.dumps(issues, indent=2, ensure_ascii=False)
    text = f"MCP error -32602: Input validation error: Invalid arguments for tool {tool}: {listed}"
    return refused(text, request_id)


def unknown_tool(tool: str, request_id: str) -> Result:
    """The result of a call to a tool that is not there."""
    return refused(f"MCP error -32602: Tool {tool} not found", request_id)


def refused(text: str, request_id: str) -> Result:
    """A result that says in so many words that the tool did not do it."""
    return {"content": [{"type": "text", "text": text}], "isError": True, "_meta": {"requestId": request_id}}


def account_required(app: str, url: str, form: str, request_id: str) -> Result:
    """The *successful* result for a user without a usable account.

    Args:
        app: The app's slug.
        url: The connect link.
        form: Where ``accountRequired`` and ``connectUrl`` stand: ``structured`` (structuredContent), ``top``
            (beside the content), ``text`` (JSON in the text), ``regex`` (only the link in a sentence)
            or ``all``. Which of them the hosted server uses is not documented.
        request_id: For ``_meta``.
    """
    fields = {"accountRequired": True, "connectUrl": url}
    sentence = (
        "You need to connect your account to call this tool.\n\n"
        f"Please visit this URL to securely authenticate with {app}:\n\n{url}\n\n"
        "Let me know when you're done."
    )
    text = json.dumps(fields, indent=2) if form == "text" else sentence
    result: Result = {"content": [{"type": "text", "text": text}], "isError": False}
    if form in {"structured", "all"}:
        result["structuredContent"] = fields
    if form in {"top", "all"}:
        result |= fields
    result["_meta"] = {"requestId": request_id}
    return result


def _run(run: Mapping[str, Any], request_id: str) -> Result:
    text = json.dumps(run, indent=2, ensure_ascii=False)
    return {"content": [{"type": "text", "text": text}], "isError": False, "_meta": {"requestId": request_id}}
