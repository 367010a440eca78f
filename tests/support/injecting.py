"""The settings and the sample pods with which injection is tried."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from pipewise_crds import Service
from pipewise_operator.injection import Settings

CASES = sorted((Path(__file__).parents[1] / "data" / "injection").iterdir())
SETTINGS = Settings(
    image="registry.example/pipewise-runtime:1.2.3",
    requests={"cpu": "50m", "memory": "64Mi"},
    limits={"memory": "256Mi"},
)
RICH_SETTINGS = Settings(
    image="registry.example/pipewise-runtime:1.2.3",
    pull_policy="Always",
    pull_secrets=("registry",),
    log_level="warning",
    run_as_user=None,
    profiles={"coordinator": (Service(name="mail", app="sendgrid"),), "other": ()},
)


def pod_of(case: Path) -> dict[str, Any]:
    """The sample pod of a case."""
    pod: dict[str, Any] = yaml.safe_load((case / "pod.yaml").read_text())
    return pod


def accepted() -> Sequence[Path]:
    """The cases whose pods get a sidecar."""
    return [case for case in CASES if (case / "patched.yaml").exists()]
