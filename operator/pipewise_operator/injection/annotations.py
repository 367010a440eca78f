"""The words with which a pod asks for its sidecar: one label, and annotations that are checked one by one.

There is no annotation for the image: what runs beside an agent is the platform's choice, not the pod's.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from .quantities import amount

_PREFIX: Final = "mcp.pipewise.io/"
INJECT_LABEL: Final = f"{_PREFIX}inject"
"""The label that asks for a sidecar, with the value "true"."""
RUNTIME_LABEL: Final = f"{_PREFIX}runtime"
"""The label, `sidecar` or `managed`, of pods that hold a runtime; the operator watches these."""

AGENTS: Final = f"{_PREFIX}agents"
"""Required: the agents of the pod, such as `coordinator` or `coordinator,meeting-scheduler`."""
PORT: Final = f"{_PREFIX}port"
"""Where the agents are served on 127.0.0.1; 8720 unless given."""
METRICS_PORT: Final = f"{_PREFIX}metrics-port"
"""Where health and metrics are served on the pod's address; 8721 unless given."""
LOG_LEVEL: Final = f"{_PREFIX}log-level"
"""debug, info, warning or error."""
CPU_REQUEST: Final = f"{_PREFIX}cpu-request"
CPU_LIMIT: Final = f"{_PREFIX}cpu-limit"
MEMORY_REQUEST: Final = f"{_PREFIX}memory-request"
MEMORY_LIMIT: Final = f"{_PREFIX}memory-limit"
"""The sidecar's resources, where they differ from the installation's."""
PROFILES: Final = f"{_PREFIX}profiles"
"""Written by the webhook: the profiles of the pod's agents, which the runtime reads as a file."""

DEFAULT_PORT, DEFAULT_METRICS_PORT = 8720, 8721
LEVELS = ("debug", "info", "warning", "error")
MOST_AGENTS = 64
RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    CPU_REQUEST: ("requests", "cpu"),
    CPU_LIMIT: ("limits", "cpu"),
    MEMORY_REQUEST: ("requests", "memory"),
    MEMORY_LIMIT: ("limits", "memory"),
}
"""Which field of the container's resources an annotation sets."""

_AGENT = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_AGENTS_FORM = (
    "a list of agents separated by commas, each in lower-case letters, digits and -, "
    "such as coordinator,meeting-scheduler"
)
_LEAST_MEMORY = 32 * 1024 * 1024
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a pod asks for."""

    agents: tuple[str, ...]
    port: int = DEFAULT_PORT
    metrics_port: int = DEFAULT_METRICS_PORT
    log_level: str | None = None
    resources: tuple[tuple[str, str], ...] = ()
    """Annotations of resources and their values."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What a value must be: a check, and its words."""

    fits: Callable[[str], bool]
    words: str


def wishes_of(annotations: Mapping[str, str]) -> tuple[Wishes, tuple[str, ...]]:
    """Read a pod's annotations: what it asks for, and every problem with that."""
    values = {name: annotations[name].strip() for name in _FORMS if name in annotations}
    problems = [
        f"annotation {name} is {_shown(value)}: it must be {_FORMS[name].words}"
        for name, value in values.items()
        if not _FORMS[name].fits(value)
    ]
    if AGENTS not in values:
        problems.insert(0, f"annotation {AGENTS} is missing: give it {_AGENTS_FORM}")
    if problems:
        return Wishes(()), tuple(problems)
    wishes = Wishes(
        agents=tuple(dict.fromkeys(agent.strip() for agent in values[AGENTS].split(","))),
        port=int(values.get(PORT, DEFAULT_PORT)),
        metrics_port=int(values.get(METRICS_PORT, DEFAULT_METRICS_PORT)),
        log_level=values.get(LOG_LEVEL),
        resources=tuple((name, values[name]) for name in RESOURCES if name in values),
    )
    return wishes, ()


def unknown_annotations(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """A warning for each annotation that looks like ours and means nothing, with the one that was meant."""
    warnings = []
    for name in sorted(annotations):
        if name.startswith(_PREFIX) and name not in _FORMS and name != PROFILES:
            meant = get_close_matches(name, _FORMS, n=1)
            hint = f"; did you mean {meant[0]}?" if meant else ""
            warnings.append(f"annotation {_shown(name)} has no meaning for the sidecar{hint}")
    return tuple(warnings)


def _are_agents(value: str) -> bool:
    agents = [agent.strip() for agent in value.split(",")]
    return len(agents) <= MOST_AGENTS and all(_AGENT.fullmatch(agent) for agent in agents)


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= 5 and 1024 <= int(value) <= 65535  # noqa: PLR2004 - TCP's


def _is_cpu(value: str) -> bool:
    cores = amount(value)
    return cores is not None and cores * 1000 >= 1


def _is_memory(value: str) -> bool:
    size = amount(value)
    return size is not None and size >= _LEAST_MEMORY


def _shown(value: str) -> str:
    """A value in quotes, cut short when it is long."""
    return f'"{value}"' if len(value) <= _LONGEST_SHOWN else f'"{value[:_LONGEST_SHOWN]}…"'


_PORT_FORM = _Form(_is_port, "a port from 1024 to 65535")
_CPU_FORM = _Form(_is_cpu, "an amount of CPU of at least 1m, such as 100m or 0.5")
_MEMORY_FORM = _Form(_is_memory, "an amount of memory of at least 32Mi, such as 128Mi")
_FORMS: Final[Mapping[str, _Form]] = {
    AGENTS: _Form(_are_agents, _AGENTS_FORM),
    PORT: _PORT_FORM,
    METRICS_PORT: _PORT_FORM,
    LOG_LEVEL: _Form(LEVELS.__contains__, f"one of {', '.join(LEVELS)}"),
    CPU_REQUEST: _CPU_FORM,
    CPU_LIMIT: _CPU_FORM,
    MEMORY_REQUEST: _MEMORY_FORM,
    MEMORY_LIMIT: _MEMORY_FORM,
}
