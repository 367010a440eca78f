"""The program: everything started, everything stopped again, in one event loop."""

import asyncio
import gc
import os
import signal
import sys

import structlog
import uvloop

from .arguments import Arguments
from .core.evidence import Evidence
from .engine import Engine
from .logs import configure
from .metrics import Metrics
from .permitting import Permits
from .ports import Calls
from .server.agents import AgentsApp
from .server.asgi import App
from .server.authentication import Authentication
from .server.health import HealthApp
from .server.listening import Address, Listener
from .sources.manifests import ManifestError
from .surroundings import InKubernetes, OverFiles, Surroundings
from .version import VERSION

log = structlog.get_logger()

_GARBAGE = (5_000, 20, 100)
"""Objects until young garbage is looked for, and how much more seldom old: calls make next to no cycles."""


def run(arguments: Arguments) -> int:
    """Run until told to stop; the exit code."""
    configure(arguments.log_level)
    gc.set_threshold(*_GARBAGE)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Program(arguments).run())


class Program:
    """One run of the runtime."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._is_draining = False
        self._told_to_stop = asyncio.Event()

    async def run(self) -> int:
        """Serve until told to stop; the exit code."""
        evidence, metrics, loop = Evidence(), Metrics(VERSION), asyncio.get_running_loop()
        metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        arguments = self._arguments
        folder = arguments.bindings
        surroundings: Surroundings = OverFiles(folder, arguments) if folder else InKubernetes(arguments)
        most_in_flight = arguments.max_in_flight_per_service
        engine = Engine(surroundings.tokens, evidence, metrics, most_in_flight=most_in_flight)
        agents_app = AgentsApp(engine, is_loopback=arguments.listen.is_loopback)
        health_app = HealthApp(metrics.registry, lambda: self._unready(surroundings))
        door = _door(agents_app, engine, arguments, surroundings, metrics)
        agents = Listener(door, arguments.listen, drain_seconds=arguments.drain_seconds)
        health = Listener(health_app, arguments.metrics, drain_seconds=1)
        self._heed_signals()
        await engine.start()
        await health.start()
        await agents.start()
        _announce(agents, health)
        endpoint = _reachable(agents.address).url()
        living = asyncio.create_task(surroundings.run(engine, evidence, endpoint), name="surroundings")
        exit_code = await self._live(living)
        self._is_draining = True
        log.info("draining", calls=engine.calls)
        agents_app.close()
        await agents.stop(engine.cut_short)
        await _ended(living)
        await surroundings.close()
        await engine.stop()
        await health.stop()
        log.info("stopped")
        return exit_code

    async def _live(self, living: "asyncio.Task[None]") -> int:
        """Wait for the word to stop, or for the source to fail beyond repair."""
        told = asyncio.create_task(self._told_to_stop.wait(), name="wait for a signal")
        await asyncio.wait((told, living), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not living.done():
            return 0
        match living.exception():
            case ManifestError() as error:
                log.error("files_invalid", error=str(error))
            case error:
                log.error("source_failed", exc_info=error)
        return 1

    def _unready(self, surroundings: Surroundings) -> str:
        if self._is_draining:
            return "draining: the program was told to stop"
        return "" if surroundings.is_synced else "not synced: bindings have not been read yet"

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop.set)


def _door(
    app: AgentsApp, calls: Calls, arguments: Arguments, surroundings: Surroundings, metrics: Metrics
) -> App:
    """What requests meet first: the agents' application, or who lets in none but those who may."""
    if not arguments.authenticate:
        return app
    match surroundings:
        case InKubernetes(reviews=reviews):
            permits = Permits(reviews, arguments.audience)
            return Authentication(app, calls, permits, reviews.namespace, metrics.refusals)
    raise ValueError("nobody can be asked about tokens here")


async def _ended(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end; how it ended was told already."""
    task.cancel()
    await asyncio.wait((task,))


def _announce(agents: Listener, health: Listener) -> None:
    """Say where to reach us, for people and for programs that started us."""
    sys.stdout.write(f"pipewise-runtime: serving agents on {agents.address.url()}\n")
    sys.stdout.write(f"pipewise-runtime: metrics on {health.address.url()}\n")
    sys.stdout.flush()
    log.info("listening", version=VERSION, agents=agents.address.url(), metrics=health.address.url())


def _reachable(address: Address) -> Address:
    """The address others use: the pod's own where we listen on all."""
    if address.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return Address(os.environ.get("POD_IP") or address.host, address.port)
    return address
