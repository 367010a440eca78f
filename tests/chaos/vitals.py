"""What must be back to the start when all is quiet again: open sockets, tasks, sessions."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipewise_cli.demo.programs import Program, text_of

from .stage import Stage

_COME_AND_GO = {"runtime_sockets": 2, "operator_sockets": 2, "provider_connections": 1}
"""Sockets open at some moments of rest: a readiness probe, one kept to the API server, a listing."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """Open sockets of the programs, and what the runtime holds."""

    runtime_sockets: int
    operator_sockets: int
    provider_connections: int
    runtime_tasks: int
    runtime_sessions: int

    def exceeding(self, start: "Vitals") -> Mapping[str, tuple[int, int]]:
        """What is more than at the start: then and now."""
        before, now = asdict(start), asdict(self)
        return {
            name: (before[name], now[name])
            for name in now
            if now[name] > before[name] + _COME_AND_GO.get(name, 0)
        }


def vitals(stage: Stage) -> Vitals:
    """Count now."""
    told = text_of(f"{stage.runtime.url}/metrics")
    return Vitals(
        runtime_sockets=_sockets(stage.runtime),
        operator_sockets=_sockets(stage.operator),
        provider_connections=stage.line.connections,
        runtime_tasks=_gauge(told, "pipewise_runtime_tasks"),
        runtime_sessions=_gauge(told, "pipewise_runtime_sessions_open"),
    )


def _sockets(program: Program) -> int:
    opened = 0
    for descriptor in Path(f"/proc/{program.process.pid}/fd").iterdir():
        try:
            opened += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue  # closed while we looked
    return opened


def _gauge(text: str, name: str) -> int:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    if found is None:
        raise AssertionError(f"the runtime has no metric {name}")
    return int(float(found[1]))
