"""The measurement of scale, so that it cannot rot: a few bindings, whose numbers mean little."""

import asyncio
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


async def test_a_few_bindings_give_every_figure_and_are_not_written_anew(tmp_path: Path) -> None:
    written = tmp_path / "scale.json"
    folders = os.pathsep.join(str(ROOT / folder) for folder in ("tests", "crds", "operator", "runtime"))
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scale", "--burst", "20", "--all", "30", "--output", str(written)),
        env={**os.environ, "PYTHONPATH": folders},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await running.communicate()
    assert running.returncode == 0, complained.decode()
    numbers = json.loads(written.read_text())
    measured = ("ready_s", "cpu_ms", "operator_mb", "writes", "judged_s", "judged_mb")
    assert all(numbers[key] > 0 for key in measured)
    assert numbers["judged_writes"] == 0
    assert "✓" in said.decode()
