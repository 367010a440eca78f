"""A real Prometheus with our alerts at the fast pace, scraping every second."""

import json
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import yaml

from pipewise_cli.controlplane import guarded
from pipewise_cli.controlplane.addresses import free_ports
from pipewise_operator.alerting import FAST, document

from . import tools
from .eventually import eventually_sync

_STOP_WITHIN_SECONDS = 10.0


class Prometheus:
    """A Prometheus server; a context manager. It dies with the test run.

    Args:
        folder: where its configuration, data and log go, such as tmp_path.
        targets: what to scrape, by job: HOST:PORT.
        labels: what series get unless they say otherwise, as by a PodMonitor.
    """

    def __init__(self, folder: Path, targets: Mapping[str, str], **labels: str) -> None:
        self._folder = folder
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        (folder / "alerts.yaml").write_text(document(FAST))
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yaml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "honor_labels": True,
                    "static_configs": [{"targets": [target], "labels": labels}],
                }
                for job, target in targets.items()
            ],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self._command = guarded(
            [
                tools.prometheus(),
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ]
        )

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        with (self._folder / "prometheus.log").open("wb") as log:
            self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually_sync(self._is_ready, within=20)
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait(_STOP_WITHIN_SECONDS)

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in self.alerts() if alert["state"] == "firing"}

    def alerts(self) -> list[dict[str, Any]]:
        """All pending and firing alerts."""
        found: list[dict[str, Any]] = self._data("alerts")["alerts"]
        return found

    def sees(self, metric: str) -> bool:
        """Whether a metric has a value now."""
        return bool(self.series(metric))

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of the series that an expression has now."""
        found = self._data(f"query?{urlencode({'query': expression})}")["result"]
        return [each["metric"] for each in found]

    def _data(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=5) as answer:  # noqa: S310 - our own http URL
            found: dict[str, Any] = json.load(answer)["data"]
        return found

    def _is_ready(self) -> bool:
        if self._child.poll() is not None:
            raise RuntimeError(f"prometheus ended: {(self._folder / 'prometheus.log').read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310 - our own http URL
                return bool(answer.status == 200)
        except OSError:
            return False
