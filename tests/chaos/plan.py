"""The history of faults that a seed stands for: episodes of a few faults at once, the same for the same seed.

Pure: the dice are the seed's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from .kinds import KINDS, Kind, go_together

_TOGETHER = (2, 3, 4)
_AT_SECONDS = (0.0, 0.8)
_LASTS_SECONDS = (0.3, 2.0)
_HITS = (1, 3, 10, 40)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an episode.

    Attributes:
        kind: what happens.
        at_seconds: when it begins, from the beginning of its episode.
        lasts_seconds: how long it lasts.
        user: number of the user whom it concerns, where it concerns one.
        switch: the body of the sandbox's switch, where it is one.
    """

    kind: Kind
    at_seconds: float
    lasts_seconds: float
    user: int
    switch: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        details = " ".join(f"{name}={value}" for name, value in self.switch.items() if name != "kind")
        return f"{self.kind.name} for {self.lasts_seconds:.1f} s {details}".strip()


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom the faults of a plan may strike."""

    users: Sequence[str]
    apps: Sequence[str]


def planned(seed: int, episodes: int, scope: Scope) -> Sequence[Sequence[Fault]]:
    """The episodes of a seed: kinds are dealt like cards, so that every kind has its turn."""
    dice = Random(seed)  # noqa: S311 - reproducible is the point
    cards: list[Kind] = []
    return [_episode(dice, cards, scope) for _ in range(episodes)]


def _episode(dice: Random, cards: list[Kind], scope: Scope) -> Sequence[Fault]:
    hand: list[Kind] = []
    for _ in range(dice.choice(_TOGETHER)):
        hand.append(_drawn(dice, cards, hand))
    return [_fault(dice, kind, scope) for kind in hand]


def _drawn(dice: Random, cards: list[Kind], hand: Sequence[Kind]) -> Kind:
    """Take the first card that goes with the hand; when none does, all kinds are shuffled in anew."""
    parts = [kind.part for kind in hand]
    while not (fitting := [kind for kind in cards if go_together([*parts, kind.part])]):
        cards += dice.sample(KINDS, len(KINDS))
    cards.remove(fitting[0])
    return fitting[0]


def _fault(dice: Random, kind: Kind, scope: Scope) -> Fault:
    user = dice.randrange(len(scope.users))
    switch: dict[str, Any] = {}
    if kind.part == "switch":
        switch = {**kind.fields, **{name: dice.choice(choices) for name, choices in kind.ranges.items()}}
        if kind.may_be_wide and dice.random() < 0.5:
            del switch["method"]
        if dice.random() < 0.5:
            switch["times"] = dice.choice(_HITS)
        if not str(switch.get("method")).startswith("rest:"):
            switch |= _narrowed(dice, scope, scope.users[user])
    return Fault(kind, dice.uniform(*_AT_SECONDS), dice.uniform(*_LASTS_SECONDS), user, switch)


def _narrowed(dice: Random, scope: Scope, user: str) -> Mapping[str, str]:
    """Everybody, an app, or one user."""
    return dice.choice(({}, {}, {"app": dice.choice(scope.apps)}, {"user": user}))
