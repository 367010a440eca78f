"""The bench, so that it cannot rot: a run of seconds, whose numbers mean nothing."""

import asyncio
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALWAYS_MEASURED = {
    "throughput_over_naive_sdk",
    "cpu_us_per_call",
    "c64_over_direct",
    "open7_ms_over_rtt",
    "list350_ms",
    "rss_idle_mb",
    "kb_per_session",
    "ready_s",
    "agents_added_p50_ms",
}


async def test_a_quick_bench_measures_every_phase_of_the_peers_that_are_there(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    folders = os.pathsep.join(str(ROOT / folder) for folder in ("tests", "crds", "operator", "runtime"))
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", "--quick", "--output", str(written)),
        env={**os.environ, "PYTHONPATH": folders},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await running.communicate()
    assert running.returncode == 0, complained.decode()
    numbers = json.loads(written.read_text())
    assert numbers.keys() >= ALWAYS_MEASURED
    assert all(numbers[key] > 0 for key in ALWAYS_MEASURED - {"open7_ms_over_rtt", "agents_added_p50_ms"})
    assert {"✓", "✗"} & set(said.decode())
