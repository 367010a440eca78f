"""Text fits a terminal and loses nothing that matters."""

from hypothesis import given
from hypothesis import strategies as st

from pipewise_cli.demo.layout import WIDTH, cut, narrowed, wrapped

WORDS = st.lists(st.text("abcñ✓", min_size=1, max_size=20), min_size=1, max_size=60)
CELLS = st.text("abc-/42", min_size=1, max_size=12)
TABLES = st.integers(0, 5).flatmap(
    lambda others: st.lists(
        st.tuples(CELLS, *[CELLS | st.just("")] * others).map(list),  # the first column is the name
        min_size=1,
        max_size=6,
    )
)


@given(WORDS)
def test_wrapped_text_fits_and_keeps_every_word(words: list[str]) -> None:
    lines = wrapped(" ".join(words))
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).split() == words


@given(WORDS, st.integers(2, 80))
def test_cut_text_is_one_line_that_fits(words: list[str], width: int) -> None:
    text = " ".join(words)
    line = cut("\n".join(words), width)
    assert len(line) <= width
    assert line == text or (line.endswith("…") and text.startswith(line[:-1]))


@given(TABLES)
def test_a_narrowed_table_keeps_its_cells_and_its_columns(rows: list[list[str]]) -> None:
    rows = [[f"H{number}" for number in range(len(rows[0]))], *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    printed = "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    lines = narrowed(printed).splitlines()
    starts = [sum(widths[:number]) + 2 * number for number in range(len(widths))]
    read = [
        [line[start : start + width].strip() for start, width in zip(starts, widths, strict=True)]
        for line in lines
    ]
    assert read == rows
