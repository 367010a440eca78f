"""Times that tests took on the way, gathered for people to read and for programs to compare."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Timings:
    """Seconds by what they were needed for, in the order they were taken."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def taking(self, what: str) -> Iterator[None]:
        """Note how long the block takes, if it ends well."""
        began = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - began

    def lines(self) -> list[str]:
        """One line a time, for people."""
        return [f"{seconds:8.2f} s  {what}" for what, seconds in self.seconds.items()]

    def write(self, path: Path) -> None:
        """Keep them as JSON: seconds by what they were needed for."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rounded = {what: round(seconds, 3) for what, seconds in self.seconds.items()}
        path.write_text(json.dumps(rounded, indent=2, ensure_ascii=False) + "\n")
