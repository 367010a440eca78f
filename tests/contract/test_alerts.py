"""The alerts: the shipped file is the generated one, and each alert fires, clears and can be mended."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pipewise_operator.alerting import CALM, FAST, FILE_NAME, Alert, alerts, document, webhook_alerts
from pipewise_operator.alerting.__main__ import main
from support import tools
from support.chart import CHART

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
TESTS = ROOT / "tests" / "alerts"
WANTED = {
    "OperatorDown",
    "RuntimeDown",
    "UpstreamUnavailable",
    "CredentialInvalid",
    "QuotaExhausted",
    "UnknownOutcome",
    "WebhookDown",
    "WebhookCertificateExpiring",
}
ALERTS = (*alerts(CALM), *webhook_alerts(CALM))


def rules(text: str) -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fast_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fast")
    assert main([str(folder), "--fast"]) == 0
    return folder / FILE_NAME


def test_the_shipped_file_is_the_generated_one() -> None:
    assert (CHART / "files" / FILE_NAME).read_text() == document(CALM)


def test_check_names_a_file_that_is_out_of_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / FILE_NAME).write_text("groups: []\n")
    assert main([str(tmp_path), "--check"]) == 1
    assert f"{tmp_path / FILE_NAME} is out of date: run `make generate`" in capsys.readouterr().err
    assert (tmp_path / FILE_NAME).read_text() == "groups: []\n"


def test_without_a_folder_the_file_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fast"]) == 0
    assert capsys.readouterr().out == document(FAST)


def test_the_alerts_are_the_ones_we_promise() -> None:
    assert {alert.name for alert in ALERTS} == WANTED


def test_the_fast_pace_changes_nothing_but_the_times(fast_file: Path) -> None:
    def timeless(text: str) -> str:
        return re.sub(r"\[\w+\]|for: \w+|interval: \w+|time\(\) < \w+", "", text)

    assert timeless(fast_file.read_text()) == timeless(document(CALM))
    assert fast_file.read_text() != document(CALM)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.severity}")
def test_every_alert_says_what_who_and_where_to_read_on(alert: Alert) -> None:
    written = next(
        rule
        for rule in rules(document(CALM))
        if rule["alert"] == alert.name and rule["expr"] == alert.expression
    )
    assert written["labels"] == {
        "severity": alert.severity,
        "mended_by": alert.mender,
        "kubernetes_operator_part_of": "pipewise-mcp",
    }
    annotations = written["annotations"]
    assert isinstance(annotations, dict)
    assert annotations["runbook_url"].endswith(f"/docs/runbooks/{alert.name}.md")
    assert "$value" not in annotations["summary"]
    assert annotations["summary"].endswith(".")
    assert re.search(r"kubectl|logs", annotations["description"])


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == {alert.name for alert in ALERTS}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_answers_what_how_to_see_how_to_mend_and_what_clears(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["What it means", "How to see it", "How to mend it", "What clears it"]
    assert re.search(r"^(kubectl|pipewise) ", text, re.MULTILINE)


def test_every_alert_has_its_promtool_tests() -> None:
    assert {file.stem for file in TESTS.glob("*.yaml")} == {alert.name for alert in ALERTS}


def test_prometheus_takes_the_rules_at_both_paces(fast_file: Path) -> None:
    for file in (CHART / "files" / FILE_NAME, fast_file):
        assert f"SUCCESS: {len(ALERTS)} rules found" in run(tools.promtool(), "check", "rules", file)


def test_alerts_fire_clear_and_stay_silent_as_they_should() -> None:
    files = sorted(TESTS.glob("*.yaml"))
    assert run(tools.promtool(), "test", "rules", *files).count("SUCCESS") == len(files)


@pytest.mark.parametrize("file", sorted(TESTS.glob("*.yaml")), ids=lambda file: file.stem)
def test_each_alert_is_seen_firing_cleared_and_silent(file: Path) -> None:
    cases = yaml.safe_load(file.read_text())["tests"]
    checks = [check for case in cases for check in case.get("alert_rule_test", [])]
    assert any(check["exp_alerts"] for check in checks)
    fired = next(index for index, check in enumerate(checks) if check["exp_alerts"])
    assert any(not check["exp_alerts"] for check in checks[fired:])
    assert any("silent" in case["name"] for case in cases)
