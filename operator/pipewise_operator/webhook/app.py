"""The two ASGI applications: the API server's questions (TLS), and health and metrics."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .metrics import Metrics
from .review import Answer, Request, ReviewError, request_in, review_of

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Question = Callable[[Request], Awaitable[Answer]]

MOST_BYTES = 8 * 1024 * 1024
"""Longest question that is read: an object and the one before it, 3 MB at most each."""


class _TooLargeError(Exception):
    """The body is longer than we read."""


class AdmissionApp:
    """Answers AdmissionReviews.

    Args:
        questions: who answers, by path, such as /mutate-pods.
        metrics: what is counted.
    """

    def __init__(self, questions: Mapping[str, Question], metrics: Metrics) -> None:
        self._questions, self._metrics = questions, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        question = self._questions.get(scope["path"])
        if question is None or scope["method"] != "POST":
            await _send(send, 404, f"POST to one of {', '.join(self._questions)}\n".encode())
            return
        webhook, begin = scope["path"].strip("/"), time.perf_counter()
        try:
            request = request_in(await _body(receive))
            answer = await question(request)
        except (ReviewError, _TooLargeError) as error:
            self._metrics.answered(webhook, "error", time.perf_counter() - begin)
            await _send(send, 400, f"{error}\n".encode())
        except Exception:
            # The edge of one request: the API server then does what failurePolicy says.
            log.exception("question_failed", webhook=webhook)
            self._metrics.answered(webhook, "error", time.perf_counter() - begin)
            await _send(send, 500, b"the webhook failed; its log says why\n")
        else:
            self._metrics.answered(webhook, answer.outcome, time.perf_counter() - begin)
            log.info("answered", webhook=webhook, namespace=request.namespace, outcome=answer.outcome)
            await _send(send, 200, review_of(request.uid, answer), "application/json")


class HealthApp:
    """Answers probes and scrapes."""

    def __init__(self, metrics: Metrics, unready: Callable[[], str]) -> None:
        self._metrics, self._unready = metrics, unready

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        match scope["path"]:
            case "/healthz":
                await _send(send, 200, b"ok\n")
            case "/readyz":
                reason = self._unready()
                await _send(send, 503 if reason else 200, (reason or "ok").encode() + b"\n")
            case "/metrics":
                await _send(send, 200, generate_latest(self._metrics.registry), CONTENT_TYPE_LATEST)
            case _:
                await _send(send, 404, b"try /healthz, /readyz or /metrics\n")


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > MOST_BYTES:
            raise _TooLargeError(f"the body is longer than {MOST_BYTES} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(
    send: Send, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8"
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
