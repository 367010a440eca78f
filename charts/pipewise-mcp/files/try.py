"""`helm test`: connects an account at the sandbox and calls a tool through the sidecar, as an agent does.

Runs in the runtime's image, beside the sidecar that the webhook gives the pod; no import of ours.
"""

import json
import os
import sys
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PROJECT, APP, TOOL = "proj_demo", "google_calendar", "google_calendar-list-events"
WITHIN_SECONDS = float(os.environ.get("WITHIN_SECONDS", "120"))
_PAUSE_SECONDS = 0.5
_TIMEOUT_SECONDS = 40


def asked(method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One HTTP request with a JSON answer.

    Raises:
        OSError: nobody answered, or with an HTTP error.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    with urlopen(Request(url, data, headers, method=method), timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310 - the chart's own URLs
        found: dict[str, Any] = json.load(reply)
    return found


def called(runtime: str, user: str) -> tuple[bool, str]:
    """Call the tool once, which only reads; whether it worked, and what was answered."""
    url = f"{runtime}/agents/coordinator/users/{user}/mcp"
    parameters = {"name": TOOL, "arguments": {}}
    try:
        reply = asked("POST", url, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": parameters})
    except HTTPError as error:
        return False, f"HTTP {error.code}: {error.read().decode(errors='replace')[:500]}"
    except OSError as error:
        return False, f"{url}: {error}"
    result = reply.get("result")
    if result is None:
        return False, json.dumps(reply)[:500]
    text = "\n".join(item.get("text", "") for item in result["content"])
    return not result.get("isError"), text[:500]


def main() -> int:
    """Try until it works; 1 when it does not in time."""
    runtime, sandbox, user = (
        os.environ[name] for name in ("PIPEWISE_MCP_URL", "SANDBOX_URL", "BINDING_USER")
    )
    account = asked("POST", f"{sandbox}/admin/accounts", {"project": PROJECT, "user": user, "app": APP})["id"]
    began = time.monotonic()
    try:
        while True:
            is_good, text = called(runtime, user)
            runs = asked("GET", f"{sandbox}/admin/ledger?user={user}&tool={TOOL}")["entries"]
            if is_good and any(entry["account"] == account for entry in runs):
                took = time.monotonic() - began
                sys.stdout.write(f"{TOOL} ran at the sandbox, {took:.1f} s after its account was connected\n")
                return 0
            if time.monotonic() - began > WITHIN_SECONDS:
                sys.stdout.write(f"{TOOL} did not work within {WITHIN_SECONDS:.0f} s. Last answer: {text}\n")
                sys.stdout.write(f"See: kubectl get agentmcpbindings; the binding is that of user {user}.\n")
                return 1
            time.sleep(_PAUSE_SECONDS)
    finally:
        asked("DELETE", f"{sandbox}/admin/accounts/{account}")


if __name__ == "__main__":
    sys.exit(main())
