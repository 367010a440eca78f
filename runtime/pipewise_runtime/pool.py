"""All upstream sessions and the hosts they use: opened on the first call, shared by all callers of a user."""

import asyncio
import ssl
from collections.abc import Callable

from .core.retry import FateUnknown, NotSent, Refused
from .ports import Token
from .served import Project
from .upstream.answer import HappenedError
from .upstream.head import SessionKey
from .upstream.host import Host, Origin
from .upstream.session import Session


class Pool:
    """Sessions by key; one opening at a time for each."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._hosts: dict[Origin, Host] = {}
        self._sessions: dict[SessionKey, Session] = {}
        self._opening: dict[SessionKey, asyncio.Task[Session]] = {}
        self._tasks: set[asyncio.Task[Session]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    async def session(self, key: SessionKey, token: Token) -> Session:
        """The session of that key, opened if need be.

        Raises:
            HappenedError: it could not be opened.
        """
        if session := self._sessions.get(key):
            return session
        opening = self._opening.get(key)
        if opening is None:
            opening = self._opening[key] = asyncio.create_task(self._open(key, token))
            self._tasks.add(opening)
            opening.add_done_callback(lambda done: self._opened(key, done))
        return await asyncio.shield(opening)  # one caller's cancellation must not fail the others

    def lose(self, session: Session) -> None:
        """The upstream does not know the session any more: the next call opens another."""
        if self._sessions.get(session.key) is session:
            del self._sessions[session.key]

    def forget(self, key: SessionKey) -> None:
        """A binding does not need the session any more; another one that does opens it anew."""
        self._sessions.pop(key, None)
        self._opening.pop(key, None)  # whoever waits for it still gets it

    def forget_project(self, name: str) -> None:
        """The project is not served any more."""
        self._drop(lambda key: key.project.name == name)

    def keep_only(self, project: Project) -> None:
        """The project may have changed: sessions opened for it as it was are of no use."""
        self._drop(lambda key: key.project.name == project.name and key.project != project)

    def _drop(self, is_unwanted: Callable[[SessionKey], bool]) -> None:
        for key in [key for key in (*self._sessions, *self._opening) if is_unwanted(key)]:
            self.forget(key)

    async def close(self) -> None:
        """Close every connection."""
        for opening in self._tasks:
            opening.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for host in self._hosts.values():
            await host.close()

    async def _open(self, key: SessionKey, token: Token) -> Session:
        try:
            session = Session(key, self._host(Origin.of(key.project.mcp_url)))
        except ValueError as error:
            cause = f"the MCP URL of PipedreamProject {key.project.name} cannot be used: {error}"
            raise HappenedError(Refused(cause)) from error
        try:
            await session.initialize(token)
        except HappenedError as error:
            raise _not_sent(error) from error
        return session

    def _opened(self, key: SessionKey, done: asyncio.Task[Session]) -> None:
        self._tasks.discard(done)
        is_wanted = self._opening.get(key) is done
        if is_wanted:
            del self._opening[key]
        if not done.cancelled() and done.exception() is None and is_wanted:
            self._sessions[key] = done.result()

    def _host(self, origin: Origin) -> Host:
        return self._hosts.setdefault(origin, Host(origin, self._tls))


def _not_sent(error: HappenedError) -> HappenedError:
    """However the opening failed, no action was sent yet."""
    if isinstance(error.happened, FateUnknown):
        return HappenedError(NotSent(error.happened.cause))
    return error
