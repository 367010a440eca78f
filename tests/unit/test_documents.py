"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

from pipewise_operator.desired.managed import managed
from pipewise_operator.desired.managed_settings import ManagedSettings
from pipewise_operator.injection import NAME

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "charts" / "pipewise-mcp" / "README.md", *(ROOT / "docs").rglob("*.md")]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    files = [target for target in targets if not re.match(r"\w+:", target)]
    assert [target for target in files if not (page.parent / target).exists()] == []


def test_every_claim_of_security_names_a_test_that_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = text.split("| claim | test |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    assert len(rows) > 15
    missing = []
    for row in rows:
        file = ""
        named = re.findall(r"`(tests/[\w/]+\.py)?::(test_\w+)`", row)
        assert named, row
        for path, test in named:
            file = path or file
            source = ROOT / file
            if not source.exists() or not re.search(
                rf"^(async )?def {test}\(", source.read_text(), re.MULTILINE
            ):
                missing.append(f"{file}::{test}")
    assert missing == []


def test_the_runbooks_read_the_logs_of_the_containers_that_runtimes_have() -> None:
    (deployment,) = [
        each
        for each in managed("sales", [0], ManagedSettings(image="runtime"), "")
        if each["kind"] == "Deployment"
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    for name in ("RuntimeDown", "UnknownOutcome"):
        text = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
        read = re.findall(r"logs -l mcp\.pipewise\.io/runtime=(\w+) -c (\S+)", text)
        assert read == [("sidecar", NAME), ("managed", container["name"])]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_containers_are_named_only_beside_the_label_that_says_whose_they_are(page: Path) -> None:
    commands = [line for line in page.read_text().splitlines() if re.search(r"kubectl .*logs .*-c ", line)]
    assert [line for line in commands if "-l mcp.pipewise.io/runtime=" not in line] == []
