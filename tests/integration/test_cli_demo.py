"""The demo from outside: it passes, it says so to programs too, and it leaves nothing, however it ends."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from support.commands import Command
from support.eventually import eventually_sync

_WITHIN_SECONDS = 300.0
"""A demo takes half a minute, and several on a machine that builds other things meanwhile."""
_KEY = re.compile(r"ctok_[0-9a-f]{8}")


def test_the_demo_proves_every_claim_and_leaves_nothing(tmp_path: Path) -> None:
    demo = Command(["demo", "--json"], tmp_path)
    assert demo.process.wait(_WITHIN_SECONDS) == 0, demo.stderr
    result = json.loads(demo.stdout)
    steps = {step["name"]: step for step in result["steps"]}
    assert result["passed"]
    assert len(steps) == len(result["steps"]) >= 12
    assert all(step["passed"] and step["observed"] for step in steps.values())
    assert result["seconds"] < 60 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert steps["outage"]["measured"]["told"] < 5
    assert steps["recovery"]["measured"]["ready"] < 10
    assert f"demo: {len(steps)} of {len(steps)} steps passed" in demo.stderr
    assert max(map(len, demo.stderr.splitlines())) <= 100
    assert not _KEY.search(demo.stdout + demo.stderr)
    assert demo.left() == []


@pytest.mark.parametrize("moment", [r"etcd|real:", "^ 1 ✓", "^ 3 ✓", "^ 6 ✓", "^ 9 ✓"])
def test_ctrl_c_at_any_moment_leaves_nothing(tmp_path: Path, moment: str) -> None:
    demo = Command(["demo"], tmp_path)
    demo.wait_for(moment, within=_WITHIN_SECONDS)
    assert demo.end(signal.SIGINT) == 130
    assert "interrupted" in demo.stdout
    assert "Traceback" not in demo.stderr
    assert demo.left() == []


def test_a_closed_terminal_leaves_nothing(tmp_path: Path) -> None:
    demo = Command(["demo"], tmp_path)
    demo.wait_for("^ 2 ✓", within=_WITHIN_SECONDS)
    assert demo.end(signal.SIGHUP) == 130
    assert demo.left() == []


def test_a_killed_demo_takes_its_processes_along(tmp_path: Path) -> None:
    demo = Command(["demo"], tmp_path)
    demo.wait_for("^ 3 ✓", within=_WITHIN_SECONDS)
    assert len(demo.processes()) >= 6
    demo.end(signal.SIGKILL)
    eventually_sync(lambda: not demo.processes())


def test_kept_it_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    demo = Command(["demo", "--keep"], tmp_path)
    demo.wait_for("export KUBECONFIG=", within=_WITHIN_SECONDS)
    kubeconfig = re.search(r"export KUBECONFIG=(\S+)", demo.stdout)
    assert kubeconfig
    command = re.search(r"^ +(\S+/pipewise) status -n demo$", demo.stdout, re.MULTILINE)
    assert command
    assert os.access(command[1], os.X_OK)
    (tmp_path / "status").mkdir()
    status = Command(["status", "-n", "demo"], tmp_path / "status", {"KUBECONFIG": kubeconfig[1]})
    assert status.process.wait(_WITHIN_SECONDS) == 0
    assert "3 of 4 Ready" in status.stdout
    assert demo.end(signal.SIGINT) == 0
    assert demo.left() == []


def test_when_a_program_dies_the_failed_step_and_the_logs_are_shown(tmp_path: Path) -> None:
    demo = Command(["demo"], tmp_path)
    demo.wait_for("^ 3 ✓", within=_WITHIN_SECONDS)
    demo.kill("pipewise_sandbox")
    assert demo.process.wait(_WITHIN_SECONDS) == 1
    assert re.search(r"step [45] \(\w+\) failed: ", demo.stdout)
    assert "the end of the log of runtime:" in demo.stdout
    assert re.search(r"demo: [34] of 14 steps passed", demo.stdout)
    assert demo.left() == []


def test_a_reader_that_leaves_ends_the_demo_quietly(tmp_path: Path) -> None:
    demo = Command(["demo"], tmp_path, read_lines=2)
    assert demo.process.wait(_WITHIN_SECONDS) == 141
    assert demo.stderr == ""
    assert demo.left() == []


def test_a_failing_step_is_named_with_its_cause(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in ("etcd", "kube-apiserver", "kubectl"):
        (assets / name).write_text("#!/bin/sh\necho no room on this machine\nexit 3\n")
        (assets / name).chmod(0o755)
    demo = Command(["demo", "--json"], tmp_path, {"KUBEBUILDER_ASSETS": str(assets)})
    assert demo.process.wait(_WITHIN_SECONDS) == 1
    result = json.loads(demo.stdout)
    assert (result["passed"], result["steps"][-1]["name"]) == (False, "control-plane")
    assert "no room on this machine" in result["steps"][-1]["problem"]
    assert re.search(r"step 1 \(control-plane\) failed: (etcd|kube-apiserver) ended", demo.stderr)
    assert "0 of 14 steps passed" in demo.stderr
    assert demo.left() == []
