"""What people see: plain lines in a file, colours and a moving line on a terminal."""

import io
import time

import pytest

from pipewise_cli.demo.console import Console
from support.eventually import eventually_sync


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_file_gets_plain_lines_only() -> None:
    out = io.StringIO()
    console = Console(out)
    with console.step(1, "Something holds"):
        console.doing("waiting until it does")
    console.passed(1, "Something holds", 1.23)
    console.observed(["as seen"])
    assert out.getvalue().splitlines() == [f" 1 ✓ {'Something holds '.ljust(82, '·')}   1.2 s", "   as seen"]


def test_a_terminal_shows_what_is_waited_for_and_clears_it() -> None:
    out = Terminal()
    console = Console(out)
    with console.step(7, "Something holds"):
        console.doing("waiting until it does")
        eventually_sync(lambda: "waiting until it does (0 s)" in out.getvalue())
    assert out.getvalue().endswith("\r\x1b[K")


def test_colours_are_for_terminals_whose_owner_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    Console(coloured).failed(1, "Something holds", 1)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    Console(plain).failed(1, "Something holds", 1)
    assert "\x1b[31m✗" in coloured.getvalue()
    assert "\x1b[3" not in plain.getvalue()
    assert "✗" in plain.getvalue()


def test_a_step_without_a_terminal_is_not_silent_for_long() -> None:
    out = io.StringIO()
    console = Console(out, speak_every_seconds=0.2)
    began = time.monotonic()
    with console.step(3, "Something holds"):
        eventually_sync(lambda: out.getvalue().startswith(" 3 … Something holds ("))
    assert time.monotonic() - began >= 0.2
