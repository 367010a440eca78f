"""The rules of the house that no linter knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("crds", "operator", "runtime", "tests")
MAX_LINES = 250
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base"}

FILES = sorted(file for folder in SOURCES for file in (ROOT / folder).rglob("*.py"))
PACKAGE_FILES = [file for file in FILES if not file.is_relative_to(ROOT / "tests")]


def named(files: list[Path]) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in files]


def test_operator_holds_no_module_that_would_shadow_the_standard_library() -> None:
    assert named(list((ROOT / "operator").glob("*.py"))) == []


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    assert named([file for file in FILES if len(file.read_text().splitlines()) > MAX_LINES]) == []


def test_every_module_is_named_after_what_it_holds() -> None:
    assert named([file for file in FILES if SAYS_NOTHING & {file.stem, *file.relative_to(ROOT).parts}]) == []


def test_no_module_has_the_name_of_a_standard_module() -> None:
    shadowing = [
        file for file in PACKAGE_FILES if file.stem in sys.stdlib_module_names - {"__main__", "__init__"}
    ]
    assert named(shadowing) == []


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        file
        for file in FILES
        if file.read_text().strip() and not file.read_text().startswith(('"""', 'r"""'))
    ]
    assert named(silent) == []


@pytest.mark.parametrize("mark", ["pytest.mark.skip", "pytest.skip", "xfail", "mock.patch", "importorskip"])
def test_no_test_looks_away(mark: str) -> None:
    tests = [file for file in FILES if file.name.startswith("test_") and file != Path(__file__)]
    assert named([file for file in tests if mark in file.read_text()]) == []


def test_make_alone_explains_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE))
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    explained = dict(re.findall(r"^ +make (\S+) +(\S.*)$", helped, re.MULTILINE))
    assert set(explained) == targets
    assert {"help", "venv", "test", "demo"} <= targets


def test_every_import_obeys_the_contracts() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
