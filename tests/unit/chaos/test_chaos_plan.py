"""The plan of a seed: the same every time, every kind in it, and nothing together that cannot be."""

from hypothesis import given
from hypothesis import strategies as st

from chaos.kinds import KINDS, go_together
from chaos.plan import Scope, planned

SCOPE = Scope(["user-0", "user-1", "user-2"], ["sendgrid", "twitter"])
SEEDS = st.integers(0, 10_000)


@given(SEEDS)
def test_a_seed_stands_for_one_history(seed: int) -> None:
    assert planned(seed, 6, SCOPE) == planned(seed, 6, SCOPE)
    assert planned(seed, 6, SCOPE) != planned(seed + 1, 6, SCOPE)


@given(SEEDS)
def test_an_episode_holds_two_to_four_faults_that_go_together(seed: int) -> None:
    for episode in planned(seed, 16, SCOPE):
        assert 2 <= len(episode) <= 4
        assert go_together([fault.kind.part for fault in episode])
        assert all(fault.lasts_seconds > 0 for fault in episode)


@given(SEEDS)
def test_nearly_every_kind_has_its_turn_within_a_seed(seed: int) -> None:
    struck = {fault.kind.name for episode in planned(seed, 16, SCOPE) for fault in episode}
    assert len(struck) >= 25
    assert len(KINDS) >= 40


def test_what_must_stay_apart_does() -> None:
    assert go_together(["switch", "switch", "runtime", "apiserver"])
    assert not go_together(["runtime", "runtime"])
    assert not go_together(["switch", "sandbox"])
    assert not go_together(["apiserver", "operator", "binding"])
