"""Carrying out faults: each is begun on the stage, and gives back how it is ended again.

Called from the main thread, which the programs live and die with.
"""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from urllib.error import HTTPError

from pipewise_cli.demo.programs import Program, answers
from support.eventually import eventually_sync

from .plan import Fault
from .stage import Stage, moment_of_start
from .users import Crowd

End = Callable[[], float]
"""Ends a fault; the moment from which things could be well again, in seconds of the wall clock."""

_START_SECONDS = 30.0
_DRAIN_SECONDS = 28.0
_SHARE = 0.5


def begin(fault: Fault, stage: Stage, crowd: Crowd) -> End:
    """Begin a fault."""
    match fault.kind.part:
        case "switch":
            return _switch(fault, stage)
        case "line":
            return _line(fault.kind.name, stage)
        case "sandbox":
            return _sandbox(fault.kind.name, stage)
        case "token":
            stage.admin("POST", "/tokens/expire")
            return time.time
        case "account":
            return _account(fault, stage)
        case "runtime" | "operator":
            return _program(fault.kind.name, stage)
        case "apiserver":
            return _apiserver(stage)
        case "binding":
            return _binding(fault, stage)
        case "client":
            return _clients(fault.kind.name, crowd)


def _switch(fault: Fault, stage: Stage) -> End:
    number = stage.admin("POST", "/faults", fault.switch)["id"]

    def end() -> float:
        try:
            stage.admin("DELETE", f"/faults/{number}")
        except HTTPError as error:
            if error.code != 404:
                raise
        return time.time()

    return end


def _line(name: str, stage: Stage) -> End:
    line, wait = stage.line, stage.background.wait
    match name:
        case "line_refused":
            wait(line.refuse())
        case "line_cut":
            wait(line.cut())
        case "line_stalled":
            wait(line.stall())
        case "line_slow":
            wait(line.slow())
        case "request_cut":
            wait(line.spoil("cut", "pass"))
        case "request_halved":
            wait(line.spoil("half", "pass"))
        case "reply_cut":
            wait(line.spoil("pass", "cut"))
        case _:
            wait(line.spoil("pass", "half"))

    def end() -> float:
        wait(line.mend())
        return time.time()

    return end


def _sandbox(name: str, stage: Stage) -> End:
    process = stage.sandbox.process
    if name == "sandbox_frozen":
        return _frozen(stage.sandbox)
    process.kill()
    stage.background.wait(stage.line.refuse())

    def end() -> float:
        moment = moment_of_start(process)
        eventually_sync(lambda: answers(f"{stage.sandbox.url}/admin/state"), _START_SECONDS)
        stage.look_up_accounts()
        stage.background.wait(stage.line.listen())
        return moment

    return end


def _account(fault: Fault, stage: Stage) -> End:
    app = "sendgrid" if fault.user % 2 else "twitter"
    account = stage.accounts[stage.users[fault.user], app]
    stage.admin("PATCH", f"/accounts/{account}", {"healthy": False, "dead": True})

    def end() -> float:
        stage.admin("PATCH", f"/accounts/{account}", {"healthy": True, "dead": False})
        return time.time()

    return end


def _program(name: str, stage: Stage) -> End:
    whose, _, how = name.partition("_")
    program = stage.runtime if whose == "runtime" else stage.operator
    if how == "frozen":
        return _frozen(program)
    if how == "killed":
        program.process.kill()
    else:
        os.kill(program.process.pid, signal.SIGTERM)

    def end() -> float:
        program.process.stop(_DRAIN_SECONDS)
        moment = moment_of_start(program.process)
        eventually_sync(lambda: answers(f"{program.url}/healthz"), _START_SECONDS)
        return moment

    return end


def _frozen(program: Program) -> End:
    os.kill(program.process.pid, signal.SIGSTOP)

    def end() -> float:
        os.kill(program.process.pid, signal.SIGCONT)
        return time.time()

    return end


def _apiserver(stage: Stage) -> End:
    plane = stage.cluster.plane
    plane.kill_apiserver()

    def end() -> float:
        plane.restart_apiserver()
        return time.time()

    return end


def _binding(fault: Fault, stage: Stage) -> End:
    user, spec = stage.users[fault.user], partial(stage.patch, "agentmcpbindings", stage.users[fault.user])
    match fault.kind.name:
        case "binding_changed":
            spec({"resilience": {"maxRetries": 1}})
            return _then(partial(spec, {"resilience": {"maxRetries": 3}}))
        case "binding_paused":
            spec({"paused": True})
            return _then(partial(spec, {"paused": False}))
        case "binding_deleted":
            stage.api.request("DELETE", stage.path("agentmcpbindings", user))
            return _then(partial(stage.bind, user))
        case _:
            project = partial(stage.patch, "pipedreamprojects", "default")
            project({"accountPollInterval": "2s"})
            return _then(partial(project, {"accountPollInterval": "1s"}))


def _clients(name: str, crowd: Crowd) -> End:
    if name == "clients_leave":
        crowd.leave = _SHARE
    else:
        crowd.cancel = _SHARE

    def end() -> float:
        crowd.leave = crowd.cancel = 0.0
        return time.time()

    return end


def _then(undo: Callable[[], None]) -> End:
    """A fault that is ended by undoing what was done."""

    def end() -> float:
        undo()
        return time.time()

    return end
