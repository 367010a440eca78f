"""The demo watched by a real Prometheus: the shipped alerts fire and clear, in measured time."""

import json
from pathlib import Path

from support.commands import Command


def test_the_alerts_fire_during_the_faults_and_clear_after_them(tmp_path: Path) -> None:
    demo = Command(["demo", "--json", "--prometheus"], tmp_path)
    assert demo.process.wait(400) == 0, demo.stderr
    steps = {step["name"]: step for step in json.loads(demo.stdout)["steps"]}
    assert len(steps) >= 17
    for alert in ("upstream", "credential"):
        assert steps[f"{alert}-alert"]["measured"]["fires"] < 20
        assert steps[f"{alert}-clear"]["measured"]["clears"] < 20
    assert demo.left() == []
