"""Who holds which connection to one host: a ledger that decides and never touches a socket.

Each event returns what is to be done now; a connection is counted as leased the moment it is granted, so
that it can neither be granted twice nor closed under its holder. `upstream.host` carries the actions out.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection on behalf of a waiting caller."""

    caller: Hashable


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection that nobody holds."""

    connection: Hashable


@dataclass(frozen=True, slots=True)
class Grant:
    """Give the caller the connection."""

    caller: Hashable
    connection: Hashable


@dataclass(frozen=True, slots=True)
class Fail:
    """Tell the caller that no connection could be opened for it."""

    caller: Hashable


Action = Open | Close | Grant | Fail


@dataclass(slots=True)
class Ledger:
    """The connections of one host (leased, idle, opening; idle ones last in, first out) and who waits."""

    limit: int
    idle_seconds: float
    _leased: set[Hashable] = field(default_factory=set)
    _idle: list[tuple[Hashable, float]] = field(default_factory=list)
    _opening: set[Hashable] = field(default_factory=set)
    _waiting: deque[Hashable] = field(default_factory=deque)

    def __repr__(self) -> str:
        return (
            f"<{len(self._leased)} leased, {len(self._idle)} idle, {len(self._opening)} opening,"
            f" {len(self._waiting)} waiting of at most {self.limit}>"
        )

    def __len__(self) -> int:
        return len(self._leased) + len(self._idle) + len(self._opening)

    @property
    def leased(self) -> int:
        """Connections that somebody holds."""
        return len(self._leased)

    def lend(self, now: float) -> Hashable | None:
        """Lease the idle connection that was used last; None where there is none, and callers must wait."""
        if not self._idle or now - self._idle[-1][1] >= self.idle_seconds:
            return None
        connection, _ = self._idle.pop()
        self._leased.add(connection)
        return connection

    def wants(self, caller: Hashable, now: float) -> list[Action]:
        """A caller wants a connection: an idle one, else a new one, else it waits."""
        actions = self.expired(now)
        if (connection := self.lend(now)) is not None:
            return [*actions, Grant(caller, connection)]
        self._waiting.append(caller)
        if len(self) < self.limit:
            self._opening.add(caller)
            actions.append(Open(caller))
        return actions

    def withdraws(self, caller: Hashable) -> None:
        """A caller no longer waits; what is being opened for it will serve another or lie idle."""
        if caller in self._waiting:
            self._waiting.remove(caller)

    def opened(self, caller: Hashable, connection: Hashable, now: float) -> list[Action]:
        """The connection opened on behalf of the caller is ready."""
        self._opening.discard(caller)
        return self._hand_out(connection, now)

    def not_opened(self, caller: Hashable) -> list[Action]:
        """No connection could be opened on behalf of the caller."""
        self._opening.discard(caller)
        actions: list[Action] = []
        if caller in self._waiting:
            self._waiting.remove(caller)
            actions.append(Fail(caller))
        return actions + self._open_for_the_next()

    def returned(self, connection: Hashable, now: float) -> list[Action]:
        """The holder is done and the connection can serve again."""
        if connection not in self._leased:
            return []
        self._leased.discard(connection)
        return self._hand_out(connection, now)

    def lost(self, connection: Hashable) -> list[Action]:
        """The connection is gone, whoever had it."""
        self._leased.discard(connection)
        self._idle = [entry for entry in self._idle if entry[0] != connection]
        return self._open_for_the_next()

    def expired(self, now: float) -> list[Action]:
        """Let go of connections that have been idle for too long."""
        if not self._idle or now - self._idle[0][1] < self.idle_seconds:
            return []  # the first one has been idle the longest
        old = [connection for connection, since in self._idle if now - since >= self.idle_seconds]
        self._idle = [entry for entry in self._idle if now - entry[1] < self.idle_seconds]
        return [Close(connection) for connection in old]

    def _hand_out(self, connection: Hashable, now: float) -> list[Action]:
        if not self._waiting:
            self._idle.append((connection, now))
            return []
        caller = self._waiting.popleft()
        self._leased.add(connection)
        return [Grant(caller, connection)]

    def _open_for_the_next(self) -> list[Action]:
        if len(self) >= self.limit:
            return []
        for caller in self._waiting:
            if caller not in self._opening:
                self._opening.add(caller)
                return [Open(caller)]
        return []
