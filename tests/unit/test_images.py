"""What the images are built from: the locked dependencies, all of those their programs need, and no more."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = {"operator": ("operator",), "runtime": ("runtime", "sandbox")}


def pins(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by package."""
    line = r"^([a-z0-9-]+)(?:\[[a-z0-9, ]+\])?==(\S+) ((?:\\\n    --hash=\S+ ?)+)"
    found = re.findall(line, path.read_text(), re.MULTILINE)
    return {name: (version, frozenset(re.findall(r"sha256:\w+", hashes))) for name, version, hashes in found}


@pytest.mark.parametrize("image", ["build", *EXTRAS])
def test_an_image_pins_what_the_lock_pins(image: str) -> None:
    lock, ours = pins(ROOT / "requirements.lock"), pins(ROOT / "images" / image / "requirements.lock")
    assert ours
    assert {name: pin for name, pin in ours.items() if lock.get(name) != pin} == {}


@pytest.mark.parametrize("image", EXTRAS)
def test_an_image_has_all_that_its_extras_name_and_nothing_of_the_tests(image: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"]]
    for extra in EXTRAS[image]:
        named += project["optional-dependencies"][extra]
    names = {re.split(r"[^A-Za-z0-9-]", each)[0].lower() for each in named}
    ours = pins(ROOT / "images" / image / "requirements.lock")
    assert names <= set(ours)
    assert not {"pytest", "mypy", "openai-agents", "supabase"} & set(ours)


@pytest.mark.parametrize("image", EXTRAS)
def test_an_image_runs_as_nobody_and_is_flat(image: str) -> None:
    *_, last = (ROOT / "images" / image / "Dockerfile").read_text().split("\nFROM ")
    assert last.startswith("scratch\n")
    assert "\nUSER 65532:65532\n" in last
    assert "\nHEALTHCHECK " in last
    assert f'\nENTRYPOINT ["pipewise-{image}"]\n' in last
