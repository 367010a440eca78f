"""All upstream sessions and the hosts they use: opened on the first call, shared by all callers of a user."""

import asyncio
import ssl

from .core.retry import FateUnknown, NotSent
from .ports import Token
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
            opening.add_done_callback(lambda done: self._opened(key, done))
        return await asyncio.shield(opening)  # one caller's cancellation must not fail the others

    def lose(self, session: Session) -> None:
        """The upstream does not know the session any more: the next call opens another."""
        if self._sessions.get(session.key) is session:
            del self._sessions[session.key]

    def forget(self, project: str, user: str, app: str) -> None:
        """Nobody needs the user's sessions for the app any more."""
        unwanted = (project, user, app)
        for key in list(self._sessions):
            if (key.project.name, key.user, key.app) == unwanted:
                del self._sessions[key]

    async def close(self) -> None:
        """Close every connection."""
        openings = list(self._opening.values())
        for opening in openings:
            opening.cancel()
        await asyncio.gather(*openings, return_exceptions=True)
        for host in self._hosts.values():
            await host.close()

    async def _open(self, key: SessionKey, token: Token) -> Session:
        session = Session(key, self._host(Origin.of(key.project.mcp_url)))
        try:
            await session.initialize(token)
        except HappenedError as error:
            raise _not_sent(error) from error
        return session

    def _opened(self, key: SessionKey, done: asyncio.Task[Session]) -> None:
        self._opening.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            self._sessions[key] = done.result()

    def _host(self, origin: Origin) -> Host:
        return self._hosts.setdefault(origin, Host(origin, self._tls))


def _not_sent(error: HappenedError) -> HappenedError:
    """However the opening failed, no action was sent yet."""
    if isinstance(error.happened, FateUnknown):
        return HappenedError(NotSent(error.happened.cause))
    return error
