"""Who wants how many runs in the present window, and whether one user's next run would be another's.

Max-min fairness: whoever wants little gets it, the others get equal parts of the rest, and a lone user all.
"""

from collections import deque
from dataclasses import dataclass, field

_MEMORY = 1.5
"""Windows for which a refused run is remembered: who comes back when it was told to still finds its part."""
_STEP = 0.125
"""Refused runs are forgotten an eighth of a window at a time: a few numbers for each user."""


@dataclass(slots=True)
class Demand:
    """The runs of each user in the window, and those refused lately."""

    wanted: int = 0
    """Runs asked for by all users together."""
    _wanted_by: dict[str, int] = field(default_factory=dict)
    _ran_by: dict[str, int] = field(default_factory=dict)
    _refused: deque[tuple[float, dict[str, int]]] = field(default_factory=deque)
    """Each from when on, and how many of whom."""

    def ran(self, user: str) -> None:
        """A run of the user began."""
        self._ran_by[user] = self._ran_by.get(user, 0) + 1
        self._want(user)

    def refused(self, user: str, now: float, window_seconds: float) -> None:
        """A run of the user was refused."""
        if not self._refused or now >= self._refused[-1][0] + window_seconds * _STEP:
            self._refused.append((now, {}))
        refused_of = self._refused[-1][1]
        refused_of[user] = refused_of.get(user, 0) + 1
        self._want(user)

    def left(self, user: str) -> None:
        """A run of the user has left the window."""
        _take(self._ran_by, user, 1)
        self._unwant(user, 1)

    def forget(self, now: float, window_seconds: float) -> None:
        """Forget the refusals of long ago."""
        while self._refused and self._refused[0][0] + window_seconds * _MEMORY <= now:
            for user, count in self._refused.popleft()[1].items():
                self._unwant(user, count)

    def has_room(self, user: str, runs: int) -> bool:
        """Whether the user may have one run more of all there are in a window.

        It may if one is left when all have as many as the user has had, or what they want if that is less.
        """
        if self.wanted < runs:
            return True
        had, ran_by = self._ran_by.get(user, 0), self._ran_by
        kept = sum(max(min(wanted, had), ran_by.get(each, 0)) for each, wanted in self._wanted_by.items())
        return kept < runs

    def _want(self, user: str) -> None:
        self.wanted += 1
        self._wanted_by[user] = self._wanted_by.get(user, 0) + 1

    def _unwant(self, user: str, count: int) -> None:
        self.wanted -= count
        _take(self._wanted_by, user, count)


def _take(counts: dict[str, int], user: str, count: int) -> None:
    if counts[user] == count:
        del counts[user]
    else:
        counts[user] -= count
