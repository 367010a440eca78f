"""What the demo says to people: a line a step, what was observed below it, progress meanwhile."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from .layout import cut

_INDENT = "   "
_CLAIM_WIDTH = 82
_REDRAW_SECONDS = 0.1
_CLEAR = "\r\x1b[K"
_GREEN, _RED, _DIM, _BOLD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Console:
    """Writes for people; colours and the moving progress line only where a terminal shows them.

    Args:
        out: where to.
        speak_every_seconds: how often a long wait is told where no line can move.
    """

    def __init__(self, out: TextIO, speak_every_seconds: float = 10.0) -> None:
        self._speak_every_seconds = speak_every_seconds
        self._out = out
        self._is_terminal = out.isatty()
        self._has_colours = self._is_terminal and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()
        self._activity = ""
        self._since = 0.0

    def headline(self, text: str) -> None:
        """A line of its own, in bold."""
        self.line(self._in(_BOLD, text))

    def line(self, text: str = "") -> None:
        """Plain text."""
        with self._lock:
            self._write(f"{_CLEAR if self._is_terminal else ''}{text}\n")

    def passed(self, number: int, claim: str, seconds: float) -> None:
        """A step that went as claimed."""
        mark = self._in(_GREEN, "✓")
        self.line(f"{number:2d} {mark} {_filled(claim)}{self._in(_DIM, f'{seconds:6.1f} s')}")

    def failed(self, number: int, claim: str, seconds: float) -> None:
        """A step that did not."""
        mark = self._in(_RED, "✗")
        self.line(f"{number:2d} {mark} {_filled(claim)}{self._in(_DIM, f'{seconds:6.1f} s')}")

    def observed(self, lines: Sequence[str]) -> None:
        """What was seen."""
        for line in lines:
            self.line(f"{_INDENT}{line}")

    def doing(self, activity: str) -> None:
        """What is being done or waited for now; told while a step lasts."""
        with self._lock:
            self._activity, self._since = activity, time.monotonic()

    @contextmanager
    def step(self, number: int, claim: str) -> Iterator[None]:
        """While a step lasts, tell what is being done: a moving line on terminals, else one now and then."""
        self.doing(claim)
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(number, ended), name="progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
            if self._is_terminal:
                with self._lock:
                    self._write(_CLEAR)

    def _tick(self, number: int, ended: threading.Event) -> None:
        spoken = time.monotonic()
        while not ended.wait(_REDRAW_SECONDS):
            with self._lock:
                now = time.monotonic()
                text = f"{self._activity} ({now - self._since:.0f} s)"
                if self._is_terminal:
                    self._write(f"{_CLEAR}{number:2d} … {cut(text, _CLAIM_WIDTH)}")
                elif now - max(spoken, self._since) > self._speak_every_seconds:
                    spoken = now
                    self._write(f"{number:2d} … {text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._has_colours else text


def _filled(claim: str) -> str:
    return f"{claim} ".ljust(_CLAIM_WIDTH, "·")
