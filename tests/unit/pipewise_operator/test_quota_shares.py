"""How a project's quota is divided."""

from hypothesis import given
from hypothesis import strategies as st

from pipewise_operator.desired.shares import shares
from support.observing import project


@given(st.integers(1, 5000), st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, unique=True))
def test_shares_add_up_to_the_limit_and_differ_by_one_run_at_most(runs: int, names: list[str]) -> None:
    divided = shares([project(limits={"toolRuns": runs})], names)
    parts = [share.runs for each in divided.values() for share in each]
    assert sum(parts) == runs
    assert max(parts) - min(parts) <= 1


def test_every_project_is_shared_with_every_runtime() -> None:
    divided = shares([project("b"), project("a")], ["r2", "r1"])
    assert [share.project for share in divided["r1"]] == ["a", "b"]
    assert divided.keys() == {"r1", "r2"}


def test_without_ready_runtimes_nobody_is_told_anything() -> None:
    assert shares([project()], []) == {}
