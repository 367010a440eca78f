"""What the tests lean on: programs as processes, and waiting."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.eventually import eventually, eventually_sync
from support.programs import Program

LINE = r"\((http://\S+)/\)"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with Program("http.server", ["--bind", "127.0.0.1", "0"], tmp_path) as started:
        yield started


def fetched(url: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - a server of this test
        status: int = reply.status
        return status


def test_a_program_is_reached_at_the_url_that_it_prints(program: Program) -> None:
    assert fetched(program.wait_for_line(LINE)[1]) == 200
    assert '"GET / HTTP/1.1" 200' in program.log


def test_a_killed_program_starts_again_with_its_own_output(program: Program) -> None:
    first = program.pid
    program.wait_for_line(LINE)
    program.kill()
    assert program.returncode == -9
    program.restart()
    assert fetched(program.wait_for_line(LINE)[1]) == 200
    assert program.pid != first
    assert program.stdout.count("Serving") == 1


def test_a_program_asked_to_end_ends(program: Program) -> None:
    program.wait_for_line(LINE)
    assert program.terminate() == -15
    assert not program.is_running


def test_a_program_that_ends_too_early_shows_its_log(tmp_path: Path) -> None:
    with (
        Program("no_such_module", [], tmp_path) as program,
        pytest.raises(AssertionError, match="No module named no_such_module"),
    ):
        program.wait_for_line("listening")


def test_a_line_that_does_not_come_is_a_failure_with_the_log(program: Program) -> None:
    program.wait_for_line(LINE)
    with pytest.raises(AssertionError, match=r"no line 'never' within 0\.1 s(.|\n)*Serving"):
        program.wait_for_line("never", within=0.1)


def test_a_program_sees_nothing_of_the_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shown.py").write_text("import os; print(sorted(os.environ))")
    monkeypatch.setenv("PIPEDREAM_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    with Program("shown", [], tmp_path, {"PYTHONPATH": str(tmp_path), "PIPEWISE_AGENTS": "a"}) as program:
        shown = program.wait_for_line(r"^\[.*\]$")[0]
    assert "PIPEWISE_AGENTS" in shown
    assert "PIPEDREAM_CLIENT_SECRET" not in shown
    assert "KUBECONFIG" not in shown


def test_a_program_dies_with_the_test_run(tmp_path: Path) -> None:
    source = (
        "import os, signal, sys; from pathlib import Path; from support.programs import Program\n"
        "program = Program('http.server', ['--bind', '127.0.0.1', '0'], Path(sys.argv[1]))\n"
        "program.start(); program.wait_for_line('Serving')\n"
        "print(program.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", source, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    command_line = Path(f"/proc/{int(done.stdout)}/cmdline")
    eventually_sync(lambda: not command_line.exists() or not command_line.read_text())


async def test_waiting_returns_the_first_true_answer() -> None:
    answers = iter([None, 0, "there"])

    async def check() -> object:
        return next(answers)

    assert await eventually(check) == "there"


async def test_waiting_ends_with_the_last_failed_assertion() -> None:
    def check() -> bool:
        raise AssertionError("two is not three")

    with pytest.raises(AssertionError, match=r"not within 0\.05 s") as failure:
        await eventually(check, within=0.05)
    assert str(failure.value.__cause__) == "two is not three"


async def test_other_errors_end_the_waiting_at_once() -> None:
    def check() -> bool:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        await eventually(check)
