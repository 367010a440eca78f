"""The apps in use and how they fare: one breaker and one list of tools for all users of an app."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pipewise_crds import Fault

from .clock import Clock
from .core.breaker import Breaker
from .core.catalogue import Toolset
from .core.evidence import Evidence, ProviderSeen
from .metrics import Metrics
from .served import ServedBinding


def _unheard() -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Announcement:
    """The upstream's word that its tools changed, until somebody has looked since."""

    is_open: bool = False
    """It came, and nobody has begun to look since."""
    _is_looked_into: bool = False

    def made(self) -> None:
        """The upstream says that its tools changed."""
        self.is_open = True

    def looking(self) -> None:
        """Somebody begins to look."""
        self._is_looked_into |= self.is_open
        self.is_open = False

    def seen(self) -> bool:
        """The list is known; whether it was looked for because of an announcement."""
        was, self._is_looked_into = self._is_looked_into, False
        return was


@dataclass(slots=True, eq=False)
class Provider:
    """One app of one project, as seen by everybody's calls and by probes."""

    project: str
    app: str
    clock: Clock
    evidence: Evidence
    metrics: Metrics
    on_new_tools: Callable[[], None] = _unheard
    """Called when a probe brought another list of tools."""
    breaker: Breaker = field(default_factory=Breaker)
    toolset: Toolset | None = None
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after the first probe, whatever it brought."""
    available: bool | None = None
    """None before the first evidence."""
    announcement: Announcement = field(default_factory=Announcement)
    """Whether the upstream said that its tools changed."""
    probed_at: float = float("-inf")
    """When its tools were last asked for, whatever came of it."""
    users: dict[str, ServedBinding] = field(default_factory=dict)
    """The bindings that use it, by name; empty once nobody does, and then nothing more is told."""
    _failing: set[str] = field(default_factory=set)
    """The bindings whose calls failed since anybody's was answered."""
    _was_open: bool = False

    def worked(self) -> None:
        """A user's call was answered properly."""
        self.breaker.succeeded()
        self._failing.clear()
        if not self.available and not self.breaker.open:
            self.note(available=True)

    def failed(self, binding: str, cause: str) -> None:
        """A counted failure of a call; of one user alone among several it only asks for a probe."""
        self._failing.add(binding)
        now = self.clock.monotonic()
        if len(self._failing) == 1 and len(self.users) > 1:
            self.breaker.ask_for_probe(now)
        else:
            self.breaker.failed(now)
        if self.breaker.open != self._was_open:
            self.note(available=False, message=cause)

    def listed(self, toolset: Toolset) -> None:
        """A probe brought the list of tools."""
        if self.toolset is None or self.toolset.tools != toolset.tools:
            self.toolset = toolset
            self.on_new_tools()
        self.looked.set()
        self.note(available=not self.breaker.open)

    def did_not_answer(self, cause: str, fault: Fault) -> None:
        """A probe failed."""
        self.looked.set()
        self.note(available=False, message=cause, fault=fault)

    def ask_another(self, binding: str) -> None:
        """Let the next probe use another user's session: what this one met may be its own trouble."""
        if binding in self.users:
            self.users[binding] = self.users.pop(binding)

    def note(self, *, available: bool, message: str = "", fault: Fault = "Outage") -> None:
        """Tell report and metrics where the provider stands."""
        self.available = available
        if not self.users:
            return
        is_open = self.breaker.open
        tools = len(self.toolset.tools) if self.toolset else None
        seen = ProviderSeen(available, "Open" if is_open else "Closed", message, tools, fault)
        self.evidence.provider(self.project, self.app, seen, self.clock.wall())
        self.metrics.provider_available.labels(self.project, self.app).set(available)
        self.metrics.breaker_open.labels(self.project, self.app).set(is_open)
        if is_open != self._was_open:
            self._was_open = is_open
            to = "open" if is_open else "closed"
            self.metrics.breaker_transitions.labels(self.project, self.app, to).inc()
