"""Tables as text: what would end a cell is escaped, numbers stand flush right."""

from __future__ import annotations

from convcost.render.table import Table, grid, render


def test_markdown_escapes_what_would_end_a_cell() -> None:
    table = Table("", ("a", "b"), (False, False), [["x|y", "z"]], [], {})
    lines = render(table, "markdown").splitlines()
    assert [line.replace("\\|", "").count("|") for line in lines if line.startswith("|")] == [3, 3, 3]
    assert "x\\|y" in lines[2]


def test_grid_sets_numbers_flush_right() -> None:
    assert grid(("a", "n"), [("long", "1"), ("x", "1,000")], (False, True)) == [
        "a         n",
        "long      1",
        "x     1,000",
    ]
