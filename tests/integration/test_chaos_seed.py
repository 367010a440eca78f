"""A short seed of the chaos test; `make chaos` performs longer ones."""

from pathlib import Path

from chaos.report import broken, figures, stories
from chaos.show import Wanted, performed
from support.cluster import Namespace

SEED = 1236
"""Its five episodes kill the API server, the sandbox, the runtime and the operator, each once."""

WANTED = Wanted(users=20, episodes=5)


def test_a_short_seed_of_chaos_breaks_no_promise(namespace: Namespace, tmp_path: Path) -> None:
    said: list[str] = []
    show = performed(SEED, WANTED, namespace, tmp_path, said.append)
    assert not broken(show), "\n".join([*said, *broken(show), *stories(show)])
    counted = figures([show], WANTED)
    assert counted["calls"] >= 300
    assert counted["faults"] >= 10
    assert counted["side_effects"] > 0
