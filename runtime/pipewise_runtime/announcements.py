"""Hearing from upstreams that their tools changed: one open stream per app, where the app says that they can.

Beside `probing`: an announcement asks for a probe, which brings the new list.
"""

import asyncio
from dataclasses import dataclass

import structlog

from .core.eras import PLAIN, UNASKED, Era
from .pool import Pool
from .ports import Tokens, TokenUnavailableError
from .probing import Probing
from .providers import Provider
from .registry import Registry
from .served import Project, ServedBinding, ServedService
from .upstream.answer import HappenedError
from .upstream.head import SessionKey
from .upstream.session import Session

log = structlog.get_logger()

AGAIN_SECONDS = 5.0
"""When a stream that ended is opened again; the probes of idle apps go on meanwhile."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Through whom an app is listened to."""

    provider: Provider
    project: Project
    binding: ServedBinding
    service: ServedService


class Announcements:
    """The streams on which apps announce changes."""

    def __init__(self, registry: Registry, pool: Pool, tokens: Tokens, probing: Probing) -> None:
        self._registry, self._pool, self._tokens, self._probing = registry, pool, tokens, probing
        self._streams: dict[Provider, tuple[_Source, asyncio.Task[None]]] = {}
        probing.on_listed = self.listen

    def listen(self, provider: Provider) -> None:
        """Listen to an app that has just listed its tools, unless we do already."""
        source = self._source(provider)
        if provider in self._streams or source is None:
            return
        task = asyncio.create_task(self._listen(source), name=f"listen to {provider.app}")
        self._streams[provider] = source, task
        task.add_done_callback(lambda _: self._ended(provider, task))

    def prune(self) -> None:
        """End the streams of apps and users that are not served any more."""
        for provider, (source, task) in list(self._streams.items()):
            if not self._is_served(source):
                task.cancel()
                del self._streams[provider]
                self.listen(provider)

    async def stop(self) -> None:
        """End all streams."""
        tasks = [task for _, task in self._streams.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _source(self, provider: Provider) -> _Source | None:
        project = self._registry.projects.get(provider.project)
        if project is None or self._registry.providers.get((provider.project, provider.app)) is not provider:
            return None
        representative = self._registry.representative(provider)
        return _Source(provider, project, *representative) if representative else None

    def _is_served(self, source: _Source) -> bool:
        provider = source.provider
        return (
            self._registry.providers.get((provider.project, provider.app)) is provider
            and self._registry.projects.get(provider.project) == source.project
            and source.binding.name in provider.users
        )

    def _ended(self, provider: Provider, task: "asyncio.Task[None]") -> None:
        known = self._streams.get(provider)
        if known and known[1] is task:
            del self._streams[provider]

    async def _listen(self, source: _Source) -> None:
        """Listen until the app turns out to announce nothing."""
        while True:
            try:
                if not await self._heard_all(source):
                    return
            except (HappenedError, TokenUnavailableError) as error:
                log.debug("announcements_lost", app=source.provider.app, cause=str(error))
            await asyncio.sleep(AGAIN_SECONDS)
            self._announced(source.provider)  # what was announced meanwhile was not heard

    async def _heard_all(self, source: _Source) -> bool:
        """Listen on one stream until it ends; False where the app has none."""
        service, provider = source.service, source.provider
        key = SessionKey(source.project, service.app, source.binding.user, service.account_id)
        token = await self._tokens.current(source.project.name)
        session = await self._pool.session(key, token, PLAIN)
        if not session.announces:
            return False
        session = await self._best(session, key)
        return await session.listen(token, lambda: self._announced(provider))

    async def _best(self, plain: Session, key: SessionKey) -> Session:
        """A session of 2026-07-28 where the app knows it: it hears what any session's calls change."""
        if plain.era is Era.MODERN:
            return plain
        token = await self._tokens.current(key.project.name)
        modern = await self._pool.session(key, token, UNASKED)
        return modern if modern.era is Era.MODERN and modern.announces else plain

    def _announced(self, provider: Provider) -> None:
        provider.announcement.made()
        self._probing.wake()
