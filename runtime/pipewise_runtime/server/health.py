"""The second port: /healthz, /readyz and /metrics, for kubelets and Prometheus."""

import asyncio
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from .asgi import Receive, Scope, Send, send_text


class HealthApp:
    """Answers probes and scrapes.

    Args:
        registry: what /metrics shows.
        unready: why the program cannot serve agents now, or nothing.
    """

    def __init__(self, registry: CollectorRegistry, unready: Callable[[], str]) -> None:
        self._registry = registry
        self._unready = unready

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        match scope["path"]:
            case "/healthz":
                await send_text(send, 200, b"ok\n")
            case "/readyz":
                reason = self._unready()
                await send_text(send, 503 if reason else 200, (reason or "ok").encode() + b"\n")
            case "/metrics":
                text = await asyncio.to_thread(generate_latest, self._registry)
                await send_text(send, 200, text, CONTENT_TYPE_LATEST.encode())
            case _:
                await send_text(send, 404, b"try /healthz, /readyz or /metrics\n")
