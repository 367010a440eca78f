"""The bench, so that it cannot rot: a run of seconds, whose numbers mean nothing."""

from pathlib import Path

from support.measurements import measured

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
    numbers, said = await measured("bench", "--quick", folder=tmp_path)
    assert numbers.keys() >= ALWAYS_MEASURED
    assert all(numbers[key] > 0 for key in ALWAYS_MEASURED - {"open7_ms_over_rtt", "agents_added_p50_ms"})
    assert {"✓", "✗"} & set(said)
