"""A table on a screen: nothing wraps, no number is cut, and what is left out is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.core.units import compact
from convcost.render.fit import Column, bar, columns_of, fit, heading_lines, shortened, with_units, wrapped
from convcost.render.table import Table, render

NAMES = [f"stage{n}.block1.expand.conv2d" for n in range(1, 4)]
COUNTS = ["19,267,584", "1,204,224", "867,041,280"]


def table(**more: object) -> Table:
    rows = [[name, "conv2d 1×1 depthwise", count, "33.33 %"] for name, count in zip(NAMES, COUNTS, strict=True)]
    return Table(
        "MobileNet (mobilenet) · input 224×224×3 · batch 1",
        ("layer", "op", "MACs", "share"),
        (False, False, True, True),
        rows,
        [],
        {},
        total=["total", "", "887,513,088", "100.00 %"],
        **more,
    )


def test_without_a_width_nothing_is_left_out() -> None:
    text = render(table(), "table")
    for word in (*NAMES, *COUNTS, "conv2d 1×1 depthwise", "share"):
        assert word in text


@pytest.mark.parametrize("width", range(30, 120))
def test_no_line_is_wider_than_the_screen_and_no_number_is_cut(width: int) -> None:
    text = render(table(priority=(0, 1, 0, 2)), "table", width)
    assert max(map(columns_of, text.splitlines())) <= width
    for count in COUNTS:
        assert count in text or compact(int(count.replace(",", ""))) in text


def test_columns_go_in_the_order_that_the_table_states_and_a_note_says_which() -> None:
    texts = [render(table(priority=(0, 1, 0, 2)), "table", width) for width in (90, 62, 36)]
    assert [[word in text.splitlines()[2] for word in ("op", "share")] for text in texts[:1]] == [[True, True]]
    heads = [next(line for line in text.splitlines() if line.startswith("layer")) for text in texts]
    assert [("op" in head, "share" in head) for head in heads] == [(True, True), (True, False), (False, False)]
    said = [" ".join(text.split()) for text in texts]
    assert "not shown" not in said[0]
    assert "not shown share: 62 columns are too few" in said[1]
    assert "not shown op, share: 36 columns are too few" in said[2]


def test_columns_of_one_number_go_together() -> None:
    columns = [Column(str(at), ("x" * 30,), False, False, priority) for at, priority in enumerate((0, 2, 1, 2, 1))]
    assert [column.heading for column in fit(columns, 100).columns] == ["0", "2", "4"]
    assert fit(columns, 100).hidden == ("1", "3")


def test_numbers_get_units_only_where_the_key_columns_do_not_fit() -> None:
    columns = [Column("n", (NAMES[0],), False, True, 0), Column("MACs", ("300,774,272",), True, False, 0)]
    assert fit(columns, 22).columns[1].cells == ("300,774,272",)
    fitted = fit(columns, 20)
    assert fitted.columns[1].cells == ("301 M",)
    assert fitted.rounded
    assert "all but three digits of numbers" in fitted.notes(20)[0][1]


def test_a_formula_is_broken_only_where_names_cannot_be_shorter() -> None:
    """Of 17 characters beside a name of at least 8, and two blanks between: 27 columns hold both, 26 do not."""
    operands = Column("MACs with operands put in", ("112·112·96·1·1·16",), False, False, 0, wrap=True)
    columns = [Column("layer", (NAMES[0],), False, True, 0), operands]
    name, whole = fit(columns, 27).columns
    assert (len(name.cells[0]), whole.cells) == (8, operands.cells)
    _, broken = fit(columns, 26).columns
    first, second = broken.cells[0].split("\n")
    assert first + second == operands.cells[0]


def test_every_table_fits_whatever_it_holds() -> None:
    columns = [Column("name", (NAMES[0],), False, True, 0)] + [
        Column(f"mobilenet_v2:width={n}", ("300,774,272",), True, False, 0) for n in range(20)
    ]
    fitted = fit(columns, 80)
    assert len(fitted.columns) > 3
    assert len(fitted.columns) + len(fitted.hidden) == 21
    assert sum(column.width for column in fitted.columns) + 2 * (len(fitted.columns) - 1) <= 80


@given(st.text(alphabet="abc畳…×e\u0301", max_size=40), st.integers(1, 45))
def test_a_shortened_text_is_no_wider_and_begins_and_ends_as_the_text(text: str, width: int) -> None:
    short = shortened(text, width)
    assert columns_of(short) <= width
    if short != text:
        head, _, tail = short.rpartition("…") if text.count("…") == 0 else (short[:0], "", short[:0])
        assert text.startswith(head)
        assert text.endswith(tail)


@given(st.lists(st.text(alphabet="abc畳×/-", min_size=1, max_size=30), min_size=1, max_size=12), st.integers(30, 60))
def test_notes_and_titles_are_wrapped_and_lose_nothing(words: list[str], width: int) -> None:
    said = " ".join(words)
    for lines in (wrapped("word", said, width), heading_lines(said, width)):
        assert max(map(columns_of, lines)) <= width
        assert "".join("".join(lines).split()).removeprefix("word") == "".join(words)


def test_a_title_is_cut_between_its_parts() -> None:
    assert heading_lines("Network (network) · input 224×224×3 · batch 1", 34) == [
        "Network (network)",
        "  · input 224×224×3 · batch 1",
    ]


def test_bars_are_as_long_as_the_shares_where_there_is_room_and_are_no_reason_to_drop_anything() -> None:
    shares = (1.0, 0.5, 0.0)
    wide, narrow = (render(table(bars=shares), "table", width).splitlines() for width in (120, 78))
    rows = [next(line for line in wide if line.startswith(name)) for name in NAMES]
    assert [row.count("█") for row in rows] == [20, 10, 0]
    assert not any("█" in line for line in narrow)
    assert any("share" in line for line in narrow)
    assert all("█" not in render(table(bars=shares), fmt) for fmt in ("markdown", "latex", "csv"))


def test_a_bar_is_never_nothing_for_something() -> None:
    assert bar(1e-9, 10) == "▏"
    assert bar(1.0, 10) == "█" * 10


def test_small_numbers_keep_their_digits() -> None:
    assert with_units("9,999 of 10,000") == "9,999 of 10.0 k"
