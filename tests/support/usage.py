"""What a process has used so far, as Linux tells it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time in user and kernel mode, memory now and at most; megabytes of 1024² bytes."""

    cpu_seconds: float
    resident_mb: float
    peak_mb: float


def usage(pid: int) -> Usage:
    """Look at a process."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    memory = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", (process / "status").read_text(), re.MULTILINE))
    return Usage(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        resident_mb=int(memory["VmRSS"]) / 1024,
        peak_mb=int(memory["VmHWM"]) / 1024,
    )
