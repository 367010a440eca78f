"""A real Prometheus with the shipped alerts, at their rehearsal's pace: they fire, and they clear."""

import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

import yaml

from pipewise_cli.controlplane.addresses import LOOPBACK, free_ports
from pipewise_cli.controlplane.process import Process
from pipewise_cli.debian import ToolMissingError, find_prometheus
from pipewise_cli.demo.expectation import ProofFailedError
from pipewise_cli.demo.programs import Program, answers, clean_environment, text_of
from pipewise_cli.demo.proof import Seen
from pipewise_cli.demo.stage import NAMESPACE, Stage
from pipewise_operator.alerting import FAST, FILE_NAME, document

_WITHIN_SECONDS = 60.0
_LOOK_BACK = "2m"
_PACE = f"alerts at the rehearsal's pace: scraped every second, firing after {FAST.outage_for.seconds} s"


def watching(stage: Stage, seen: Seen) -> None:
    """Start Prometheus on operator and runtime, and wait until no alert is left from the start."""
    try:
        program = find_prometheus("prometheus", stage.console.line)
    except ToolMissingError as error:
        raise ProofFailedError(f"Prometheus is not to be had: {error}") from error
    folder = stage.folder / "prometheus"
    folder.mkdir()
    (folder / FILE_NAME).write_text(document(FAST, with_webhook=False))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(_configuration(stage)))
    address = f"{LOOPBACK}:{free_ports(1)[0]}"
    process = Process(
        [
            *(program, f"--config.file={folder / 'prometheus.yaml'}", f"--web.listen-address={address}"),
            *(f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"),
        ],
        stage.folder / "prometheus.log",
        clean_environment(),
    )
    stage.cleanup.callback(process.stop)
    process.start()
    stage.programs["prometheus"] = Program("prometheus", process, f"http://{address}")
    stage.wait("Prometheus is ready", lambda: answers(f"http://{address}/-/ready"), _WITHIN_SECONDS)
    stage.wait("operator and runtime are scraped", lambda: _targets_up(stage), _WITHIN_SECONDS)
    stage.wait("no alert is left from the start", lambda: not _alerts(stage), _WITHIN_SECONDS)
    seen.note(f"Prometheus    http://{address}/alerts")
    seen.note(_PACE)


def upstream_fires(stage: Stage, seen: Seen) -> None:
    """SendGrid is out."""
    _fires(stage, seen, "UpstreamUnavailable", "outage")


def upstream_clears(stage: Stage, seen: Seen) -> None:
    """SendGrid is back."""
    _clears(stage, seen, "UpstreamUnavailable", "recovery")


def credential_fires(stage: Stage, seen: Seen) -> None:
    """The Calendly account is dead."""
    _fires(stage, seen, "CredentialInvalid", "revoked")


def credential_clears(stage: Stage, seen: Seen) -> None:
    """The Calendly account is connected."""
    _clears(stage, seen, "CredentialInvalid", "connected")


def _fires(stage: Stage, seen: Seen, name: str, since: str) -> None:
    alert = stage.wait(f"{name} fires", partial(_firing, stage, name), _WITHIN_SECONDS)
    fired = stage.wait(f"{name} is recorded", partial(_first_fired, stage, name), _WITHIN_SECONDS)
    took = fired - _wall_clock(stage.moments[since])
    seen.measured("fires", took)
    labels, annotations = alert["labels"], alert["annotations"]
    seen.note(f"firing {took:.1f} s after it began: “{annotations['summary']}”")
    seen.note(f"severity {labels['severity']}, mended by the {labels['mended_by']}")


def _clears(stage: Stage, seen: Seen, name: str, since: str) -> None:
    stage.wait(f"{name} clears", lambda: not _firing(stage, name), _WITHIN_SECONDS)
    took = time.monotonic() - stage.moments[since]
    seen.measured("clears", took)
    seen.note(f"cleared within {took:.1f} s of its mending")


def _firing(stage: Stage, name: str) -> Mapping[str, Any] | None:
    found = (alert for alert in _alerts(stage) if alert["labels"]["alertname"] == name)
    return next((alert for alert in found if alert["state"] == "firing"), None)


def _first_fired(stage: Stage, name: str) -> float | None:
    """When an alert first fired, seconds since the epoch; steps look for it later than that."""
    series = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    query = f"min(min_over_time(timestamp({series})[{_LOOK_BACK}:1s]))"
    found = _asked(stage, f"query?{urlencode({'query': query})}")["result"]
    return float(found[0]["value"][1]) if found else None


def _wall_clock(moment: float) -> float:
    """Seconds since the epoch, of a moment on the monotonic clock."""
    return time.time() - (time.monotonic() - moment)


def _alerts(stage: Stage) -> Sequence[Mapping[str, Any]]:
    alerts: Sequence[Mapping[str, Any]] = _asked(stage, "alerts")["alerts"]
    return alerts


def _targets_up(stage: Stage) -> bool:
    targets = _asked(stage, "targets")["activeTargets"]
    return len(targets) == len(_SCRAPED) and all(target["health"] == "up" for target in targets)


def _asked(stage: Stage, what: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(text_of(f"{stage.programs['prometheus'].url}/api/v1/{what}"))["data"]
    return answer


_SCRAPED = ("operator", "runtime")


def _configuration(stage: Stage) -> dict[str, Any]:
    """Scrape both programs every second; a PodMonitor would add the runtime's namespace."""
    jobs = [
        {
            "job_name": f"pipewise-{name}",
            "honor_labels": True,
            "static_configs": [
                {
                    "targets": [stage.programs[name].url.removeprefix("http://")],
                    "labels": {"namespace": NAMESPACE},
                }
            ],
        }
        for name in _SCRAPED
    ]
    pace = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    return {"global": pace, "rule_files": [FILE_NAME], "scrape_configs": jobs}
