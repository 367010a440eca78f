"""Runs the MCP conformance suite against a server, and counts what passes from the suite's own records."""

import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .node import Node

ERAS = ("2025-11-25", "2026-07-28")

T = [
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-error",
    "json-schema-2020-12",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "server-stateless",
    "http-header-validation",
    "http-custom-header-server-validation",
]
"""Scenarios of requests and their responses: what a server of tools must pass."""

T_PLUS = [
    "logging-set-level",
    "tools-call-with-logging",
    "tools-call-with-progress",
    "tools-call-sampling",
    "tools-call-elicitation",
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "input-required-result-basic-elicitation",
    "input-required-result-basic-sampling",
    "input-required-result-basic-list-roots",
    "input-required-result-request-state",
    "input-required-result-multiple-input-requests",
    "input-required-result-multi-round",
    "input-required-result-missing-input-response",
    "input-required-result-result-type",
    "input-required-result-unsupported-methods",
    "input-required-result-tampered-state",
    "input-required-result-capability-check",
    "input-required-result-ignore-extra-params",
    "input-required-result-validate-input",
]
"""Scenarios with traffic inside the call: progress, logs, questions to the client, results that ask."""

_SUITE = "@modelcontextprotocol/conformance/dist/index.js"
_STAMP = re.compile(r"-\d{4}-\d\d-\d\dT[\d-]+Z?$")
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What became of one scenario in one era."""

    era: str
    name: str
    checks: Mapping[str, int]
    """How many checks ended how."""
    complaints: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether something was checked, and nothing failed or gave cause for a warning."""
        return bool(self.checks.get("SUCCESS")) and not self.checks.keys() & {"FAILURE", "WARNING"}


def run(node: Node, url: str) -> list[Scenario]:
    """All scenarios of T and T+ in the eras they belong to."""
    found: list[Scenario] = []
    for era in ERAS:
        with tempfile.TemporaryDirectory() as folder:
            command = node.command(_SUITE, "server", "--url", url, "--suite", "all", "--spec-version", era)
            subprocess.run(
                [*command, "-o", folder], capture_output=True, check=False, timeout=_SECONDS, cwd=folder
            )
            scenarios = (_scenario(era, records) for records in sorted(Path(folder).glob("*/checks.json")))
            found += [scenario for scenario in scenarios if scenario.name in {*T, *T_PLUS}]
    return found


def table(runs: Mapping[str, Sequence[Scenario]]) -> str:
    """How many scenarios passed of how many, for each run, as a table for people."""
    lines = [f"{'':24}" + "".join(f"{title:>14}" for title in runs)]
    for era in ERAS:
        for title, names in (("T", T), ("T+", T_PLUS)):
            cells = []
            for scenarios in runs.values():
                chosen = [each for each in scenarios if each.era == era and each.name in names]
                cells.append(f"{sum(each.passed for each in chosen)} of {len(chosen)}")
            lines.append(f"{title + ', ' + era:24}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


def complaints(scenarios: Sequence[Scenario]) -> str:
    """What was wrong, a line for each complaint."""
    return "\n".join(
        f"{each.era} {each.name}: {dict(each.checks)} {complaint}"
        for each in scenarios
        if not each.passed
        for complaint in each.complaints or ("nothing was checked",)
    )


def _scenario(era: str, records: Path) -> Scenario:
    name = _STAMP.sub("", records.parent.name).removeprefix("server-")
    if name not in {*T, *T_PLUS}:
        name = f"server-{name}"
    checks = json.loads(records.read_text())
    wrong = [check for check in checks if check["status"] in {"FAILURE", "WARNING"}]
    said = [f"{check['id']}: {check.get('errorMessage', '')}" for check in wrong]
    return Scenario(era, name, Counter(check["status"] for check in checks), said)
