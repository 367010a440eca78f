"""One run of the demo: step after step, the result in words or as JSON, everything taken down again."""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx2

from pipewise_cli.controlplane import ApiError, ControlPlaneError

from .console import Console
from .expectation import ProofFailedError
from .proof import Outcome, Seen, Step
from .stage import NAMESPACE, USER, Stage
from .steps import steps

_WHAT_IS_REAL = """\
real:    etcd and kube-apiserver, operator, runtime, agents, MCP, every process and socket
played:  Pipedream, by pipewise-sandbox; the kubelet of one Pod, by this demo
"""
_INTERRUPTED = 130
_TAIL_LINES = 8
_LONGEST_LOG_LINE = 240
_NAP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What the demo was asked for.

    Attributes:
        keep: leave everything running after the steps, until Ctrl-C.
        as_json: the result as JSON on stdout; words go to stderr.
        prometheus: watch with a real Prometheus, too.
    """

    keep: bool = False
    as_json: bool = False
    prometheus: bool = False


def run(options: Options) -> int:
    """Run the demo; the exit code."""
    console = Console(sys.stderr if options.as_json else sys.stdout)
    planned = steps(prometheus=options.prometheus)
    outcomes: list[Outcome] = []
    started = time.monotonic()
    try:
        with _terminable(), _on_stage(console) as stage:
            console.headline("PipeWise MCP demo")
            console.line(_WHAT_IS_REAL)
            for step in planned:
                outcomes.append(_proved(stage, step, len(outcomes) + 1))
                if outcomes[-1].problem:
                    _tell_logs(stage, step)
                    break
            took = time.monotonic() - started
            passed = len(outcomes) == len(planned) and not outcomes[-1].problem
            _conclude(console, outcomes, len(planned), took)
            if options.as_json:
                _write_json(outcomes, took, passed=passed)
            if options.keep and passed:
                _keep(stage)
    except KeyboardInterrupt:
        console.line("demo: interrupted; everything is taken down")
        return _INTERRUPTED
    return 0 if passed else 1


def _proved(stage: Stage, step: Step, number: int) -> Outcome:
    seen, problem, surprise, began = Seen(), "", "", time.monotonic()
    with stage.console.step(number, step.claim):
        try:
            step.prove(stage, seen)
        except (ProofFailedError, ControlPlaneError, ApiError, OSError, httpx2.HTTPError) as error:
            problem = f"{error}"
        except Exception as error:  # noqa: BLE001 - a step's edge: whatever broke is its failure
            problem = f"{type(error).__name__}: {_innermost(error)}"
            surprise = traceback.format_exc()
    seconds = time.monotonic() - began
    tell = stage.console.failed if problem else stage.console.passed
    tell(number, step.claim, seconds)
    stage.console.observed(seen.lines)
    stage.console.line(surprise)
    return Outcome(step, seconds, seen, problem)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _tell_logs(stage: Stage, step: Step) -> None:
    for name in step.logs:
        if tail := stage.log_tail(name):
            stage.console.line(f"the end of the log of {name}:")
            for line in tail.splitlines()[-_TAIL_LINES:]:
                stage.console.line(f"    {line[:_LONGEST_LOG_LINE]}")


def _conclude(console: Console, outcomes: Sequence[Outcome], planned: int, took: float) -> None:
    passed = sum(not outcome.problem for outcome in outcomes)
    last = outcomes[-1]
    if last.problem:
        console.line(f"step {len(outcomes)} ({last.step.name}) failed: {last.problem}")
    console.headline(f"demo: {passed} of {planned} steps passed in {took:.0f} s")


def _write_json(outcomes: Sequence[Outcome], took: float, *, passed: bool) -> None:
    result = {
        "passed": passed,
        "seconds": round(took, 3),
        "steps": [outcome.as_json(number) for number, outcome in enumerate(outcomes, 1)],
    }
    sys.stdout.write(f"{json.dumps(result, ensure_ascii=False, indent=2)}\n")
    sys.stdout.flush()


def _keep(stage: Stage) -> None:
    """Say what there is to try, and wait for Ctrl-C, which is the wanted end here."""
    endpoint = stage.endpoint("coordinator")
    lines = [
        "Everything keeps running until Ctrl-C. In another terminal:",
        "",
        f"  export KUBECONFIG={stage.plane.kubeconfig}",
        f"  kubectl -n {NAMESPACE} get pipewise",
        f"  {_installed('pipewise')} status -n {NAMESPACE}",
        f"  {_installed('pipewise')} connect -n {NAMESPACE} user-7 sendgrid",
        f"  {sys.executable} -m pipewise_agents --user {USER} --mcp-url {stage.agents_url}",
        "",
        f"  the sandbox's accounts, ledger and outbox   {stage.sandbox.url}/admin/",
        f"  an MCP endpoint for your own client         {endpoint}",
        *(
            f"  {name + chr(39) + 's metrics':<43} {stage.programs[name].url}/metrics"
            for name in ("operator", "runtime")
        ),
        *(f"  {'Prometheus':<43} {p.url}/alerts" for p in [stage.programs.get("prometheus")] if p),
        "",
        "  a new outage:",
        f'  curl -d \'{{"kind":"status","app":"sendgrid","status":503}}\' {stage.sandbox.url}/admin/faults',
        f"  curl -X DELETE {stage.sandbox.url}/admin/faults",
    ]
    for line in lines:
        stage.console.line(line)
    try:
        while True:  # one endless wait would not hear a signal that comes right before it
            time.sleep(_NAP_SECONDS)
    except KeyboardInterrupt:
        stage.console.line("demo: ended; everything is taken down")


def _installed(program: str) -> Path:
    """A program of ours, beside the interpreter: its folder need not be in the PATH."""
    return Path(sys.executable).with_name(program)


@contextmanager
def _on_stage(console: Console) -> Iterator[Stage]:
    """A stage, taken down at the end without being interrupted in it."""
    with ExitStack() as cleanup:
        try:
            yield Stage(console, cleanup)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo as Ctrl-C does, and keep loopback from any proxy."""
    os.environ |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_ignored: object) -> NoReturn:
    raise KeyboardInterrupt
