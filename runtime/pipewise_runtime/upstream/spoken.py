"""Which eras of MCP each upstream has shown to speak: found out once for all its users."""

from pipewise_runtime.core.eras import Era
from pipewise_runtime.served import Project

_OTHER = {Era.HANDSHAKE: Era.MODERN, Era.MODERN: Era.HANDSHAKE}


class Spoken:
    """What is known of upstreams; an upstream is one app of one project."""

    def __init__(self) -> None:
        self._known: dict[tuple[Project, str], dict[Era, bool]] = {}
        self._announcing: set[tuple[Project, str]] = set()

    def order(self, project: Project, app: str, wanted: Era) -> tuple[Era, Era]:
        """Which era to try first: the caller's own, unless the upstream is known not to speak it."""
        known = self._known.get((project, app), {})
        if known.get(wanted) is False:
            return _OTHER[wanted], wanted
        return wanted, _OTHER[wanted]

    def speaks(self, project: Project, app: str, era: Era) -> bool:
        """Whether the upstream is known to speak an era."""
        return self._known.get((project, app), {}).get(era, False)

    def announces(self, project: Project, app: str) -> bool:
        """Whether the upstream, as one of 2026-07-28, says that it tells of changes of its tools."""
        return (project, app) in self._announcing

    def learn(self, project: Project, app: str, era: Era, *, spoken: bool, announces: bool = False) -> None:
        """The upstream has shown whether it speaks an era."""
        self._known.setdefault((project, app), {})[era] = spoken
        if announces and era is Era.MODERN:
            self._announcing.add((project, app))

    def forget(self, project: Project, app: str) -> None:
        """What was known does not hold any more: the upstream is another one now."""
        self._known.pop((project, app), None)
        self._announcing.discard((project, app))

    def forget_projects(self, name: str, keep: Project | None = None) -> None:
        """Projects of that name as they were are not served any more."""
        for project, app in [key for key in self._known if key[0].name == name and key[0] != keep]:
            self.forget(project, app)
