"""The operator's own HTTP port: /healthz, /readyz and /metrics."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Served:
    """What is being served, and where."""

    url: str
    runner: web.AppRunner

    async def stop(self) -> None:
        """Close the port."""
        await self.runner.cleanup()


async def serve(listen: str, registry: CollectorRegistry, is_ready: Callable[[], bool]) -> Served:
    """Start serving on HOST:PORT; port 0 takes a free one."""
    app = web.Application()
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz(is_ready))
    app.router.add_get("/metrics", _metrics(registry))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    return Served(f"http://{host}:{runner.addresses[0][1]}", runner)


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readyz(is_ready: Callable[[], bool]) -> Handler:
    async def readyz(_request: web.Request) -> web.Response:
        if is_ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="the objects have not been listed yet\n")

    return readyz


def _metrics(registry: CollectorRegistry) -> Handler:
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics
