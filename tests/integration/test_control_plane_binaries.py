"""The control plane's programs are found where they are, and built once where they are not."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipewise_cli.controlplane import BinariesError, find_binaries, find_kubectl
from pipewise_cli.controlplane.binaries import cache_folder
from support.eventually import eventually_sync

FAKE_GO = """#!/bin/sh
echo run >> "$0.runs"
while [ "$1" != -o ]; do shift; done
test -f go.mod && test -f go.sum || exit 3
echo "k8s.io/some/package"
if [ -e "$0.fails" ]; then echo "package: does not compile"; exit 1; fi
while [ -e "$0.waits" ]; do sleep 0.02; done
printf '#!/bin/sh\\n' > "$2"
chmod +x "$2"
"""

Finders = Callable[[], subprocess.Popen[str]]

FIND = "from pipewise_cli.controlplane import find_binaries; find_binaries()"


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a PATH without go and kubectl; the folder that PATH begins with."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "sleep", "chmod"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return programs


@pytest.fixture
def go(bare_machine: Path) -> Path:
    """A stand-in for Go, whose real builds take minutes."""
    program = bare_machine / "go"
    program.write_text(FAKE_GO)
    program.chmod(0o755)
    return program


def runs(go: Path) -> int:
    log = Path(f"{go}.runs")
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_the_folder_in_kubebuilder_assets_wins(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bare_machine.exists()
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    found = find_binaries()
    assert (found.etcd, found.apiserver) == (tmp_path / "etcd", tmp_path / "kube-apiserver")


@pytest.mark.usefixtures("go")
def test_what_is_missing_in_kubebuilder_assets_is_told_and_found_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etcd").touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    said: list[str] = []
    assert find_binaries(said.append).apiserver == cache_folder() / "kube-apiserver"
    assert said[0] == f"KUBEBUILDER_ASSETS={tmp_path} lacks kube-apiserver"


@pytest.mark.usefixtures("bare_machine")
def test_without_go_it_is_said_what_to_install() -> None:
    with pytest.raises(BinariesError, match="apt install golang-go") as error:
        find_binaries()
    assert "KUBEBUILDER_ASSETS" in str(error.value)


def test_programs_are_built_once_and_then_taken_from_the_cache(go: Path) -> None:
    said: list[str] = []
    first = find_binaries(said.append)
    assert runs(go) == 2
    assert find_binaries(said.append) == first
    assert runs(go) == 2
    assert first.etcd.parent == cache_folder()
    assert [line.split()[1] for line in said if line.startswith("built")] == ["etcd", "kube-apiserver"]


def test_kubectl_is_taken_from_path_and_else_built(go: Path) -> None:
    built = find_kubectl()
    assert built == cache_folder() / "kubectl"
    installed = go.with_name("kubectl")
    installed.touch(mode=0o755)
    assert find_kubectl() == installed


def test_a_failed_build_shows_why_and_leaves_nothing_in_the_cache(go: Path) -> None:
    Path(f"{go}.fails").touch()
    with pytest.raises(BinariesError, match="package: does not compile"):
        find_binaries()
    assert [file.name for file in cache_folder().iterdir()] == ["build.lock"]


def test_two_processes_do_not_build_at_once(go: Path, finders: Finders) -> None:
    waits = Path(f"{go}.waits")
    waits.touch()
    first = finders()
    eventually_sync(lambda: runs(go) == 1)
    second = finders()
    assert second.stderr is not None
    assert "waiting for another process" in second.stderr.readline()
    waits.unlink()
    assert (first.wait(10), second.wait(10)) == (0, 0)
    assert runs(go) == 2


@pytest.fixture
def finders() -> Iterator[Finders]:
    """Starts processes that look for the programs."""
    with ExitStack() as started:

        def start() -> subprocess.Popen[str]:
            command = [sys.executable, "-c", FIND]
            child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            started.enter_context(child)
            started.callback(child.kill)
            return child

        yield start
