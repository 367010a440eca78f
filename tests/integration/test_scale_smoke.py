"""The measurement of scale, so that it cannot rot: a few bindings, whose numbers mean little."""

from pathlib import Path

from support.measurements import measured


async def test_a_few_bindings_give_every_figure_and_are_not_written_anew(tmp_path: Path) -> None:
    numbers, said = await measured("scale", "--burst", "20", "--all", "30", folder=tmp_path)
    figures = ("ready_s", "cpu_ms", "operator_mb", "writes", "judged_s", "judged_mb")
    assert all(numbers[key] > 0 for key in figures)
    assert numbers["judged_writes"] == 0
    assert "✓" in said
