"""How a project's quota is divided."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipewise_crds import MCPRuntime, ObjectMeta, ProjectReport, RuntimeStatus
from pipewise_operator.desired.shares import FLOOR, Holding, allowed, divide, holding, shares
from support.judging import NOON
from support.observing import project

NAMES = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, unique=True)
DEMANDS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 4000), min_size=1)


def runtime(name: str) -> MCPRuntime:
    """A runtime that has heard of two projects and has no share yet."""
    heard = [ProjectReport(project=each, runs_allowed=0) for each in ("another", "default")]
    return MCPRuntime(
        metadata=ObjectMeta(name=name, namespace="n", uid=f"uid-{name}"),
        status=RuntimeStatus(projects=heard),
    )


@given(st.integers(1, 5000), NAMES)
def test_shares_add_up_to_the_limit_and_differ_by_one_run_at_most(runs: int, names: list[str]) -> None:
    divided = shares([project(limits={"toolRuns": runs})], [runtime(name) for name in names], {}, NOON)
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


def test_what_is_taken_from_one_reaches_another_when_that_is_known_to_be_safe() -> None:
    due = {"busy": 1000, "new": 1000}
    new = Holding(kept=125)
    busy = Holding(told=2000, kept=2000, used=1875)
    assert allowed(2000, due, {"busy": busy, "new": new}) == {"busy": 1000, "new": 125}
    busy = replace(busy, told=1000)
    assert allowed(2000, due, {"busy": busy, "new": new}) == {"busy": 1000, "new": 125}, "not confirmed"
    busy = replace(busy, kept=1000)
    assert allowed(2000, due, {"busy": busy, "new": new}) == {"busy": 1000, "new": 125}, "all was used before"
    busy = replace(busy, used=1200)
    assert allowed(2000, due, {"busy": busy, "new": new}) == {"busy": 1000, "new": 800}
    assert allowed(1900, due, {"busy": busy, "new": new}) == {"busy": 1000, "new": 700}, "100 are elsewhere"
    busy = replace(busy, used=0)
    assert allowed(2000, due, {"busy": busy, "new": new}) == due


def test_who_has_not_confirmed_what_it_was_told_is_told_nothing_else() -> None:
    waiting = Holding(told=500, kept=100)
    assert allowed(2000, {"a": 10}, {"a": waiting}) == {"a": 500}
    assert allowed(2000, {"a": 2000}, {"a": Holding()}) == {}, "it does not know of the project"


def test_what_was_used_counts_until_it_has_left_the_window() -> None:
    report = ProjectReport(project="default", runs_used=7, runs_wanted=16)
    reporting = runtime("a").model_copy(update={"status": RuntimeStatus(projects=[report], report_time=NOON)})
    window = timedelta(minutes=5)
    assert holding("default", window, reporting, NOON + window - timedelta(seconds=1)).used == 7
    assert holding("default", window, reporting, NOON + window).used == 0


def test_every_project_is_shared_with_every_runtime() -> None:
    names = ("default", "another")
    divided = shares([project(each) for each in names], [runtime("r2"), runtime("r1")], {}, NOON)
    assert [share.project for share in divided["r1"]] == ["another", "default"]
    assert divided.keys() == {"r1", "r2"}


def test_without_ready_runtimes_nobody_is_told_anything() -> None:
    assert shares([project()], [], {}, NOON) == {}
