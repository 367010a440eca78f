"""All upstream sessions and the hosts they use.

A session is opened on the first call and shared by all callers of a user who speak alike.
"""

import asyncio
import ssl
from collections.abc import Callable

from .core.eras import PLAIN, Era, Speaks
from .core.retry import FateUnknown, NotSent, Refused
from .ports import Token
from .served import Project
from .upstream.answer import HappenedError
from .upstream.head import SessionKey
from .upstream.host import Host
from .upstream.leases import Origin
from .upstream.session import Session
from .upstream.spoken import Spoken

_Variants = dict[Speaks, Session]


class Pool:
    """Sessions by key and by how their callers speak; one opening at a time for each."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._hosts: dict[Origin, Host] = {}
        self._spoken = Spoken()
        self._sessions: dict[SessionKey, _Variants] = {}
        self._opening: dict[SessionKey, dict[Speaks, asyncio.Task[Session]]] = {}
        self._tasks: set[asyncio.Task[Session]] = set()

    def __len__(self) -> int:
        return sum(map(len, self._sessions.values()))

    @property
    def exchanges(self) -> int:
        """Requests under way at all hosts."""
        return sum(host.leases.held for host in self._hosts.values())

    def crowded(self, key: SessionKey) -> bool:
        """Whether our own requests hold all connections to the host of that key."""
        host = self._hosts.get(Origin.of(key.project.mcp_url))
        return host is not None and host.leases.crowded

    def known(self, key: SessionKey, speaks: Speaks) -> Session | None:
        """The session of that key for callers who speak so, if it is open."""
        variants = self._sessions.get(key)
        return variants.get(speaks) if variants else None

    async def session(self, key: SessionKey, token: Token, speaks: Speaks) -> Session:
        """The session of that key for callers who speak so, opened if need be.

        Raises:
            HappenedError: it could not be opened.
        """
        if session := self.known(key, speaks):
            return session
        openings = self._opening.setdefault(key, {})
        opening = openings.get(speaks)
        if opening is None:
            opening = openings[speaks] = asyncio.create_task(self._open(key, token, speaks))
            self._tasks.add(opening)
            opening.add_done_callback(lambda done: self._opened(key, speaks, done))
        return await asyncio.shield(opening)  # one caller's cancellation must not fail the others

    def lose(self, session: Session) -> None:
        """The upstream does not know the session any more: the next call opens another."""
        variants = self._sessions.get(session.key, {})
        for speaks in [speaks for speaks, known in variants.items() if known is session]:
            del variants[speaks]
        if not variants:
            self._sessions.pop(session.key, None)
        if session.era is Era.MODERN:  # there was no session to lose: it does not speak that way any more
            self._spoken.forget(session.key.project, session.key.app)

    def forget(self, key: SessionKey) -> None:
        """A binding does not need the sessions any more; another one that does opens them anew."""
        self._sessions.pop(key, None)
        self._opening.pop(key, None)  # whoever waits for it still gets it

    def forget_project(self, name: str) -> None:
        """The project is not served any more."""
        self._drop(lambda key: key.project.name == name)
        self._spoken.forget_projects(name)

    def keep_only(self, project: Project) -> None:
        """The project may have changed: sessions opened for it as it was are of no use."""
        self._drop(lambda key: key.project.name == project.name and key.project != project)
        self._spoken.forget_projects(project.name, keep=project)

    def _drop(self, is_unwanted: Callable[[SessionKey], bool]) -> None:
        for key in [key for key in (*self._sessions, *self._opening) if is_unwanted(key)]:
            self.forget(key)

    async def close(self) -> None:
        """Close every connection."""
        for opening in self._tasks:
            opening.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(host.close() for host in self._hosts.values()))

    async def _open(self, key: SessionKey, token: Token, speaks: Speaks) -> Session:
        """Open a session of the era the caller speaks, or else of the other."""
        first, second = self._spoken.order(key.project, key.app, speaks.era)
        if (speaks.era, first) == (Era.MODERN, Era.HANDSHAKE):
            return await self.session(key, token, PLAIN)  # a modern caller cannot be asked by requests
        try:
            return await self._opened_in(first, key, token, speaks)
        except HappenedError as error:
            if not _is_refusal(error, first):
                raise _not_sent(error) from error
            refusal = error
        try:
            if second is Era.HANDSHAKE:
                session = await self.session(key, token, PLAIN)
            else:
                session = await self._opened_in(second, key, token, speaks)
        except HappenedError as error:
            raise _not_sent(refusal if isinstance(error.happened, Refused) else error) from error
        if isinstance(refusal.happened, Refused):
            self._spoken.learn(key.project, key.app, first, spoken=False)
        return session

    async def _opened_in(self, era: Era, key: SessionKey, token: Token, speaks: Speaks) -> Session:
        try:
            session = Session(key, self._host(Origin.of(key.project.mcp_url)), era, speaks.capabilities)
        except ValueError as error:
            cause = f"the MCP URL of PipedreamProject {key.project.name} cannot be used: {error}"
            raise HappenedError(Refused(cause)) from error
        if era is Era.MODERN and self._spoken.speaks(key.project, key.app, era):
            session.assume(announces=self._spoken.announces(key.project, key.app))
        else:
            await session.initialize(token)
            self._spoken.learn(key.project, key.app, era, spoken=True, announces=session.announces)
        return session

    def _opened(self, key: SessionKey, speaks: Speaks, done: asyncio.Task[Session]) -> None:
        self._tasks.discard(done)
        openings = self._opening.get(key, {})
        if openings.get(speaks) is not done:
            return
        del openings[speaks]
        if not openings:
            del self._opening[key]
        if not done.cancelled() and done.exception() is None:
            self._sessions.setdefault(key, {})[speaks] = done.result()

    def _host(self, origin: Origin) -> Host:
        return self._hosts.setdefault(origin, Host(origin, self._tls))


def _is_refusal(error: HappenedError, era: Era) -> bool:
    """Whether the upstream may speak the other era: it turned this one down, or broke over its first word."""
    return isinstance(error.happened, Refused if era is Era.HANDSHAKE else Refused | FateUnknown)


def _not_sent(error: HappenedError) -> HappenedError:
    """However the opening failed, no action was sent yet."""
    if isinstance(error.happened, FateUnknown):
        return HappenedError(NotSent(error.happened.cause))
    return error
