"""The whole quota over random histories: runtimes that count, reports, divisions, and late news."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_crds import MCPRuntime, ObjectMeta, ProjectReport, RuntimeSpec, RuntimeStatus
from pipewise_operator.departed import Departed
from pipewise_operator.desired.shares import shares
from pipewise_operator.keys import Key
from pipewise_runtime.core.quota import Quota
from pipewise_runtime.core.reporting import coarse_demand
from support.judging import NOON
from support.observing import project

LIMIT, WINDOW = 4, timedelta(seconds=4)
PROJECT = project(limits={"toolRuns": LIMIT, "window": "4s"})
ALONE = ("run", "run", "run", "report", "hear", "leave", "come")
STEPS = st.sampled_from(
    [
        *((what, name) for what in ALONE for name in "ab"),
        *[("divide", None)] * 4,
        *[("pass", None)] * 3,
        ("wait", None),
    ]
)


@dataclass
class Runtime:
    """One that counts its runs, and what the API server shows of it."""

    shown: MCPRuntime
    quota: Quota = field(default_factory=Quota)

    def report(self, now: datetime) -> None:
        """Write what is true now."""
        seconds = now.timestamp()
        self.quota.told_demand = coarse_demand(self.quota.told_demand, self.quota.wanted(seconds))
        told = ProjectReport(
            project="default", runs_allowed=self.quota.runs or 0, runs_used=self.quota.used(seconds),
            runs_wanted=self.quota.told_demand,
        )  # fmt: skip
        status = RuntimeStatus(projects=[told], report_time=now)
        self.shown = self.shown.model_copy(update={"status": status})

    def hear(self) -> None:
        """Take up the share that was told."""
        for share in self.shown.spec.shares:
            self.quota.share(share.runs, share.window.total_seconds())

    def run(self, now: datetime) -> bool:
        """Run if a run fits; a demand that has grown is reported at once."""
        seconds = now.timestamp()
        fits = not self.quota.wait(seconds)
        if fits:
            self.quota.ran(seconds)
        else:
            self.quota.refused(seconds, "")
        if self.quota.has_grown:
            self.report(now)
        return fits


class Cluster:
    """Runtimes without a starting share, and the operator's division."""

    def __init__(self) -> None:
        self.now, self.departed = NOON, Departed()
        self.runtimes: dict[str, Runtime] = {}
        self.ran: deque[datetime] = deque()

    def come(self, name: str) -> None:
        """A runtime registers."""
        if name not in self.runtimes:
            meta = ObjectMeta(name=name, namespace="n", uid=f"uid-{name}")
            self.runtimes[name] = Runtime(MCPRuntime(metadata=meta))
            self.runtimes[name].quota.share(0, WINDOW.total_seconds())
            self.runtimes[name].report(self.now)

    def leave(self, name: str) -> None:
        """A runtime is gone, and what it ran is not."""
        if runtime := self.runtimes.pop(name, None):
            self.departed.note(runtime.shown, self.now)

    def divide(self) -> None:
        """Tell what is due; who hears it, hears it later."""
        ready = [runtime.shown for runtime in self.runtimes.values()]
        elsewhere = {"default": self.departed.runs(Key("n", "default"), self.now)}
        for name, told in shares([PROJECT], ready, elsewhere, self.now).items():
            shown = self.runtimes[name].shown
            self.runtimes[name].shown = shown.model_copy(update={"spec": RuntimeSpec(shares=told)})

    def carry(self) -> None:
        """Let every runtime hear and report, and divide by that."""
        for runtime in self.runtimes.values():
            runtime.hear()
            runtime.report(self.now)
        self.divide()

    def step(self, what: str, name: str | None) -> None:
        """Let one thing happen."""
        match what, name:
            case "wait", _:
                self.now += timedelta(seconds=1)
            case "divide", _:
                self.divide()
            case "pass", _:
                self.carry()
            case "come", str(who):
                self.come(who)
            case "leave", str(who):
                self.leave(who)
            case _, str(who) if who in self.runtimes:
                self._at(self.runtimes[who], what)

    def _at(self, runtime: Runtime, what: str) -> None:
        if what == "report":
            runtime.report(self.now)
        elif what == "hear":
            runtime.hear()
        else:
            self.ran.extend(self.now for _ in range(LIMIT) if runtime.run(self.now))
        while self.ran and self.ran[0] + WINDOW <= self.now:
            self.ran.popleft()


@settings(max_examples=400)
@given(st.lists(STEPS, min_size=20, max_size=80))
def test_no_window_ever_holds_more_runs_of_all_than_the_limit(steps: list[tuple[str, str | None]]) -> None:
    cluster = Cluster()
    cluster.come("a")
    for what, name in steps:
        cluster.step(what, name)
        assert len(cluster.ran) <= LIMIT


@given(st.lists(STEPS, max_size=60))
def test_once_all_is_quiet_and_told_nothing_is_left_over(steps: list[tuple[str, str | None]]) -> None:
    cluster = Cluster()
    cluster.come("a")
    for what, name in steps:
        cluster.step(what, name)
    cluster.come("a")
    cluster.now += 2 * WINDOW
    for _ in range(3):
        cluster.carry()
    told = [share for each in cluster.runtimes.values() for share in each.shown.spec.shares]
    assert sum(share.runs for share in told) == LIMIT
