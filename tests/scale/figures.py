"""The key figures beside their targets. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .measuring import Arrival, Restart


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what it may be at most."""

    key: str
    what: str
    value: float
    at_most: float


def figures(burst: Arrival, rest: Arrival | None, again: Restart) -> Sequence[Figure]:
    """All figures; `rest` are the bindings that came after the burst."""
    every = [each for each in (burst, rest) if each]
    writes = max(each.status_writes / each.number for each in every)
    at_once, anew = f"{burst.number} bindings at once", f"operator anew with {again.bindings} bindings"
    return (
        Figure("ready_s", f"{at_once}: last created until all Ready (s)", burst.ready_seconds, 3),
        Figure("cpu_ms", f"{at_once}: operator CPU each (ms)", burst.cpu_seconds / burst.number * 1e3, 3),
        Figure("operator_mb", f"{at_once}: operator at rest after (MB)", burst.operator.resident_mb, 150),
        Figure("writes", "status writes for each binding", writes, 2),
        Figure("judged_s", f"{anew}: all judged (s)", again.judged_seconds, 20),
        Figure("judged_mb", f"{anew}: at most (MB)", again.operator.peak_mb, 300),
        Figure("judged_writes", f"{anew}: writes", again.writes, 0),
    )


def table(told: Sequence[Figure]) -> str:
    """For people."""
    lines = [f"  {'figure':58}{'value':>9}{'target':>9}"]
    for each in told:
        mark = "✓" if each.value <= each.at_most else "✗"
        lines.append(f"{mark} {each.what:58}{each.value:9.2f}{f'≤ {each.at_most:g}':>9}")
    return "\n".join(lines)


def document(told: Sequence[Figure]) -> Mapping[str, float]:
    """For programs: the values under their keys."""
    return {each.key: round(each.value, 3) for each in told}
