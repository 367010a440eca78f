"""Run inside a pod by `python -c`: requests that only the cluster's network can make. No import of ours.

Reads one line of JSON, {"requests": [{method, url, body?, headers?}], "forever": false}, and writes one line
of JSON: what each request was answered, or, with "forever", what came of making the requests over and over
until stdin ended.
"""

import errno
import json
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_TOKEN = Path("/var/run/secrets/mcp.pipewise.io/token")
_CLUSTER_CA = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
_PAUSE_SECONDS = 0.05
_TIMEOUT_SECONDS = 40
_PATIENCE_SECONDS = 10
_NOT_LET_IN = {errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH}
"""What connecting to a Service meets that a node has not heard of, or of whose pods it has not."""


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Make one request; "sent" tells whether any of it may have left."""
    headers = {"content-type": "application/json", **asked.get("headers", {})}
    if _TOKEN.exists():
        headers.setdefault("authorization", f"Bearer {_TOKEN.read_text()}")
    body = json.dumps(asked["body"]).encode() if "body" in asked else None
    request = Request(asked["url"], body, headers, method=asked["method"])  # noqa: S310 - a test's own URL
    began, sent = time.monotonic(), True
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS, context=_trust()) as reply:  # noqa: S310 - likewise
            status, text = reply.status, reply.read().decode()
    except HTTPError as error:
        status, text = error.code, error.read().decode()
    except OSError as error:
        status, text = 0, f"{type(error).__name__}: {error}"
        sent = not _kept_out(getattr(error, "reason", None))
    return {"status": status, "text": text, "seconds": time.monotonic() - began, "sent": sent}


def _kept_out(reason: object) -> bool:
    return isinstance(reason, socket.gaierror) or getattr(reason, "errno", None) in _NOT_LET_IN


def patiently(asked: dict[str, Any]) -> dict[str, Any]:
    """Make one request, and again while no connection is made.

    Nodes hear of a new Service only some moments after its pods are ready.
    """
    gives_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = answered(asked)
        if answer["sent"] or time.monotonic() >= gives_up_at:
            return answer
        time.sleep(_PAUSE_SECONDS)


def _trust() -> ssl.SSLContext:
    """Whom to believe: who signs for the cluster's API server."""
    return ssl.create_default_context(cafile=str(_CLUSTER_CA) if _CLUSTER_CA.exists() else None)


def over_and_over(requests: list[dict[str, Any]]) -> dict[str, Any]:
    """Make requests until stdin ends."""
    ended = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    count, longest, problems = 0, 0.0, []
    while not ended.wait(_PAUSE_SECONDS):
        for asked in requests:
            answer = answered(asked)
            count, longest = count + 1, max(longest, answer["seconds"])
            if answer["status"] != 200 or '"isError":true' in answer["text"].replace(" ", ""):
                problems.append(f"{answer['status']} {answer['text'][:300]}")
    return {"count": count, "longest_seconds": longest, "problems": problems}


def main() -> None:
    """Do what the first line of stdin says."""
    told = json.loads(sys.stdin.readline())
    requests = told["requests"]
    found = over_and_over(requests) if told.get("forever") else [patiently(asked) for asked in requests]
    sys.stdout.write(json.dumps(found))


main()
