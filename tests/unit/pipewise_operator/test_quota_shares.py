"""How a project's quota is divided."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import MCPRuntime, ObjectMeta, ProjectReport, RuntimeSpec, RuntimeStatus, Share
from pipewise_operator.desired.shares import FLOOR, divide, lowered, shares
from support.observing import project

NAMES = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, unique=True)
DEMANDS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 4000), min_size=1)


def runtime(name: str, wanted: int = 0, present: list[Share] | None = None) -> MCPRuntime:
    """A runtime that wants runs of the project `default`."""
    return MCPRuntime(
        metadata=ObjectMeta(name=name, namespace="n", uid=f"uid-{name}"),
        spec=RuntimeSpec(shares=present or []),
        status=RuntimeStatus(projects=[ProjectReport(project="default", runs_wanted=wanted)]),
    )


@given(st.integers(1, 5000), NAMES)
def test_shares_add_up_to_the_limit_and_differ_by_one_run_at_most(runs: int, names: list[str]) -> None:
    divided = shares([project(limits={"toolRuns": runs})], [runtime(name) for name in names])
    parts = [share.runs for each in divided.values() for share in each]
    assert sum(parts) == runs
    assert max(parts) - min(parts) <= 1


@given(st.integers(1, 5000), DEMANDS, DEMANDS)
def test_nobody_gets_less_than_an_equal_share_unless_it_wants_less(
    runs: int, wanted: Mapping[str, int], present: Mapping[str, int]
) -> None:
    divided, equal = divide(runs, wanted, present), runs // len(wanted)
    assert divided.keys() == wanted.keys()
    assert sum(divided.values()) == runs
    for name, want in wanted.items():
        assert divided[name] >= min(want, equal)
        assert divided[name] >= equal // FLOOR


@given(st.integers(1, 5000), DEMANDS, DEMANDS)
def test_who_gets_less_than_it_wants_gets_no_less_than_any_other(
    runs: int, wanted: Mapping[str, int], present: Mapping[str, int]
) -> None:
    divided = divide(runs, wanted, present)
    short = [divided[name] for name, want in wanted.items() if divided[name] < want]
    assert all(divided[name] >= max(divided.values()) - 1 for name in wanted if divided[name] < wanted[name])
    assert not short or max(short) - min(short) <= 1


@given(st.integers(1, 5000), DEMANDS, DEMANDS)
def test_a_division_holds_as_long_as_nothing_changes(
    runs: int, wanted: Mapping[str, int], present: Mapping[str, int]
) -> None:
    divided = divide(runs, wanted, present)
    assert divide(runs, wanted, divided) == divided


def test_a_chatty_runtime_takes_what_others_leave_and_gives_it_back() -> None:
    alone = divide(2000, {"chatty": 4096, "idle": 0}, {})
    assert alone == {"chatty": 1875, "idle": 125}
    assert divide(2000, {"chatty": 4096, "idle": 64}, alone) == {"chatty": 1872, "idle": 128}
    assert divide(2000, {"chatty": 4096, "idle": 1024}, alone) == {"chatty": 1000, "idle": 1000}


def test_a_demand_that_its_share_has_room_for_moves_nothing() -> None:
    present = {"a": 700, "b": 1300}
    assert divide(2000, {"a": 256, "b": 512}, present) == present


@given(DEMANDS, DEMANDS)
def test_the_sum_is_kept_to_while_shares_are_written(
    wanted: Mapping[str, int], changed: Mapping[str, int]
) -> None:
    limited = project(limits={"toolRuns": 2000})
    before = shares([limited], [runtime(name, want) for name, want in wanted.items()])
    after = shares([limited], [runtime(name, changed.get(name, 0), before[name]) for name in wanted])
    told = {name: sum(share.runs for share in each) for name, each in before.items()}
    for step in (lowered(before, after), after):
        for name, each in step.items():
            told[name] = sum(share.runs for share in each)
            assert sum(told.values()) <= 2000


def test_who_has_no_share_yet_is_not_told_to_have_none() -> None:
    after = shares([project()], [runtime("a"), runtime("b")])
    assert lowered({"a": [], "b": []}, after) == {}


def test_every_project_is_shared_with_every_runtime() -> None:
    divided = shares([project("b"), project("a")], [runtime("r2"), runtime("r1")])
    assert [share.project for share in divided["r1"]] == ["a", "b"]
    assert divided.keys() == {"r1", "r2"}


def test_without_ready_runtimes_nobody_is_told_anything() -> None:
    assert shares([project()], []) == {}
