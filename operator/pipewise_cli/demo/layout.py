"""Text in the width of a terminal: wrapped sentences, cut lines, narrower tables."""

import re
import textwrap
from collections.abc import Sequence

WIDTH = 97
"""What fits beside the indent in a terminal of 100 columns."""

_COLUMN = re.compile(r"\S+(?: \S+)*")


def wrapped(text: str) -> Sequence[str]:
    """A text as lines that fit; those after the first are indented."""
    return [
        line
        for part in text.splitlines()
        for line in textwrap.wrap(
            part,
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )
    ]


def cut(text: str, width: int = WIDTH) -> str:
    """A text on one line that fits."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def narrowed(table: str) -> str:
    """A table as kubectl prints it, with two blanks between the columns in place of three."""
    lines = table.rstrip().splitlines()
    starts = [column.start() for column in _COLUMN.finditer(lines[0])] if lines else []
    ends = [*starts[1:], None]
    rows = [[line[start:end].strip() for start, end in zip(starts, ends, strict=True)] for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
