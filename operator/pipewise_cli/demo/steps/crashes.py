"""Programs die without warning, and come back: what calls and statuses notice of it."""

import json
import time
from functools import partial

from pipewise_cli.demo.calls import Caller, call
from pipewise_cli.demo.expectation import expect
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import AGENTS, USER, Stage, binding_name

_READ = "google_calendar-list-events"
_CALLED_AGENT = "meeting-scheduler"
_CHANGED_AGENT = "coordinator"
_CALLS_AT_LEAST = 10
_WITHIN_SECONDS = 45.0


def operator_killed(stage: Stage, seen: Seen) -> None:
    """Kill the operator while an agent calls; change a binding meanwhile; start it again."""
    operator = stage.programs["operator"]
    with Caller(stage.endpoint(_CALLED_AGENT), _READ) as caller:
        stage.wait(
            "calls run", lambda: caller.answered >= _CALLS_AT_LEAST or caller.problems, _WITHIN_SECONDS
        )
        operator.process.kill()
        dead = time.monotonic()
        _change(stage)
        answered = caller.answered
        stage.wait(
            "calls go on without the operator",
            lambda: caller.answered >= answered + _CALLS_AT_LEAST or caller.problems,
            _WITHIN_SECONDS,
        )
        expect(not stage.is_ready(_CHANGED_AGENT), "somebody judged the binding while no operator ran")
        operator.process.start()
        started = time.monotonic()
        stage.wait("the status is judged again", lambda: stage.is_ready(_CHANGED_AGENT), _WITHIN_SECONDS)
        judged = time.monotonic() - started
        away = started - dead
    seen.measured("judgedAgain", judged)
    seen.note(
        f"{caller.answered} calls before, during and after {away:.1f} s without an operator: "
        f"{len(caller.problems)} failed, the longest took {caller.longest_seconds * 1000:.0f} ms"
    )
    seen.note(f"a change made meanwhile is judged {judged:.1f} s after the restart (generation 2)")
    expect(not caller.problems, f"calls failed: {caller.problems[:3]}")


def runtime_killed(stage: Stage, seen: Seen) -> None:
    """Kill the runtime; its kubelet notices; start it again."""
    runtime = stage.programs["runtime"]
    killed = time.monotonic()
    runtime.process.kill()
    for agent in AGENTS:
        stage.wait(
            f"{agent} is RuntimeUnavailable",
            partial(stage.is_not_ready_for, agent, "RuntimeUnavailable"),
            _WITHIN_SECONDS,
        )
    told = time.monotonic() - killed
    started = time.monotonic()
    runtime.process.start()
    for agent in AGENTS:
        stage.wait(f"{agent} is Ready", partial(stage.is_ready, agent), _WITHIN_SECONDS)
    ready = time.monotonic() - started
    answer = call(stage.endpoint(_CALLED_AGENT), _READ)
    seen.measured("told", told)
    seen.measured("ready", ready)
    seen.note(f"all three bindings RuntimeUnavailable {told:.1f} s after kill -9")
    seen.note(
        f"Ready again {ready:.1f} s after the restart, and a call works; agents reconnect by themselves"
    )
    expect(not answer.failed, f"a call does not work: {answer.text}")


def _change(stage: Stage) -> None:
    patch = json.dumps({"spec": {"resilience": {"maxRetries": 2}}})
    stage.kubectl("patch", "amb", binding_name(_CHANGED_AGENT, USER), "--type=merge", f"--patch={patch}")
