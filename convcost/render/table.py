"""One table, six ways to write it: text for a terminal, CSV, Markdown, HTML, LaTeX - and JSON from data."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from convcost.core.deferred import Deferred
from convcost.core.errors import UsageError, did_you_mean
from convcost.render.escape import in_csv, in_html, in_json, in_markdown, printable
from convcost.render.fit import GAP, Column, bar, columns_of, fit, heading_lines, padded, wrapped

if TYPE_CHECKING:
    import pandas as pd


FORMATS = ("table", "json", "csv", "markdown", "html", "latex")
#: File name endings that say which format is meant.
EXTENSIONS = {
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".tex": "latex",
    ".txt": "table",
}
PICTURES = (".svg", ".png", ".pdf")
"""File name endings that ask for a figure as an image."""


def ending(path: str | None) -> str:
    """The ending of a file name, in small letters.

    >>> ending("Plot.SVG"), ending(None)
    ('.svg', '')
    """
    return os.path.splitext(path or "")[1].lower()


@dataclass(frozen=True)
class Table(Deferred):
    """Cells as formatted text, and the same rows as exact records; what is not shown may be computed where it is asked for."""

    title: str
    headers: tuple[str, ...]
    numeric: tuple[bool, ...]
    """Which columns are numbers, set flush right."""
    rows: list[list[str]] = field(hash=False)
    records: list[dict[str, Any]] = field(hash=False)
    """One exact record per row, for CSV."""
    data: dict[str, Any] = field(hash=False)
    """Everything, for JSON."""
    total: list[str] | None = field(default=None, hash=False)
    latex: list[list[str]] | None = field(default=None, hash=False)
    """The rows as LaTeX source, if they contain formulas."""
    notes: list[tuple[str, str]] = field(default_factory=list, hash=False)
    """Notes below the table: a keyword and its text."""
    priority: tuple[int, ...] = ()
    """How columns give way on a narrow screen: 0 stays, else the highest goes first, those of one number together.
    Where nothing is said, the first stays, and the others go from the right."""
    shorten: tuple[bool, ...] = ()
    """Which columns may be shortened in the middle; where nothing is said, those that are no numbers."""
    wrap: tuple[bool, ...] = ()
    """Which columns hold formulas or prose, which go on in further lines on a narrow screen; where nothing is said, none."""
    bars: tuple[float, ...] = ()
    """Of each row the length of the bar that text draws beside it where there is room, of 1; empty for none."""
    heading: str = ""
    """What a page of it is called, where that is not its title."""
    fields: tuple[str, ...] = ()
    """The keys of the records, of a table that may have none: CSV and frames have these columns then, too."""

    def render(self, format: str = "table", width: int | None = None) -> str:  # noqa: A002 - as the command's option is called
        """The table as text: `table`, `json`, `csv`, `markdown`, `html` or `latex`; raises `UsageError`.

        With a `width`, plain text fits a screen of so many columns (`convcost.render.fit` says what gives way).

        >>> one = Table("", ("op", "MACs"), (False, True), [["conv2d", "2,160"]], [{"op": "conv2d", "macs": 2160}], {})
        >>> print(one.render("csv"), end="")
        op,macs
        conv2d,2160
        """
        if format not in FORMATS:
            raise UsageError(f"there is no format {format!r}{did_you_mean(format, FORMATS)}")
        return render(self, format, width)

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with an exact record per row."""
        import pandas as pd

        return pd.DataFrame(self.records, columns=None if self.records else self.fields or self.headers)

    def __repr__(self) -> str:
        return printable(f"<Table {self.title or ', '.join(self.headers)} · {len(self.rows)} rows>")

    def __str__(self) -> str:
        return render(self, "table")

    def _repr_html_(self) -> str:
        """How a notebook shows the table."""
        return f'<div style="max-height:36em;overflow:auto"><b>{in_html(self.title)}</b>{table_html(self)}</div>'


class Tabular:
    """A result that is shown as its table."""

    __slots__ = ()

    def table(self) -> Table:
        """The result as a table, to show or to `render`."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready data, with its schema."""
        return self.table().data

    def to_frame(self) -> pd.DataFrame:
        """The rows of the table as a pandas DataFrame, counts as numbers."""
        return self.table().to_frame()

    def _repr_html_(self) -> str:
        """How a notebook shows the result."""
        return self.table()._repr_html_()


def render(table: Table, fmt: str, width: int | None = None) -> str:
    """The table in one of `FORMATS`, ending with a newline; plain text fitted to a screen of that width, if one is given."""
    if fmt == "table":
        return _text(table, width)
    writers = {"json": _json, "csv": _csv, "markdown": _markdown, "html": _html, "latex": _latex}
    return writers[fmt](table)


def grid(headers: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Lines of a plain table; columns two spaces apart, numbers flush right.

    >>> grid(("op", "MACs"), [("conv2d", "2,160")], (False, True))
    ['op       MACs', 'conv2d  2,160']
    """
    widths = [max(map(columns_of, column)) for column in zip(headers, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        set_cells = (padded(c, w, right=n) for c, w, n in zip(cells, widths, numeric, strict=True))
        return (" " * GAP).join(set_cells).rstrip()

    return [line(cells) for cells in (headers, *rows)]


_PAGE = 80
"""The columns of a page, which bars do not go beyond where no width is given."""
_PROSE = 110
"""The most columns of a line of notes."""
_BAR, _BAR_OF_A_PAGE, _SHORTEST_BAR = 20, 12, 6
"""The most columns of a bar on a screen and on a page, and the fewest."""


def _text(table: Table, width: int | None) -> str:
    # Not tabulate: its import alone would cost a third of the whole command (benchmarks/README.md).
    columns: Sequence[Column] = _columns(table)
    title, notes = printable(table.title), [(printable(word), printable(said)) for word, said in table.notes]
    if width is not None:
        fitted = fit(columns, width)
        columns, notes = fitted.columns, [*notes, *fitted.notes(width)]
    rows = list(zip(*(column.cells for column in columns), strict=True))
    shares = table.bars
    if any("\n" in cell for row in rows for cell in row):
        rows, shares = [line for row in rows for line in _in_lines(row)], ()
    lines = grid([column.heading for column in columns], rows, [column.numeric for column in columns])
    most = (_BAR_OF_A_PAGE, _PAGE) if width is None else (_BAR, width)
    lines = _with_bars(shares, lines, *most)
    rule = "-" * max(map(columns_of, lines))
    if table.total:
        lines.insert(-1, rule)
    lines.insert(1, rule)
    head = [] if not title else [title] if width is None else heading_lines(title, width)
    prose, cut = min(width or _PROSE, _PROSE), width is not None
    said = [line for word, text in notes for line in wrapped(word, text, prose, cut=cut)]
    return "\n".join([*head, *([""] if head else []), *lines, *([""] if said else []), *said, ""])


def _columns(table: Table) -> list[Column]:
    """The columns with what a table says, or leaves to be assumed, of how they give way."""
    number = len(table.headers)
    priority = table.priority if len(table.priority) == number else range(number)
    shorten = table.shorten if len(table.shorten) == number else [not numeric for numeric in table.numeric]
    wrap = table.wrap if len(table.wrap) == number else [False] * number
    cells = list(zip(*(map(printable, row) for row in _all_rows(table)), strict=True)) or [()] * number
    headers = map(printable, table.headers)
    return [Column(*parts) for parts in zip(headers, cells, table.numeric, shorten, priority, wrap, strict=True)]


def _in_lines(row: Sequence[str]) -> list[tuple[str, ...]]:
    """A row whose cells go on in further lines, as rows."""
    return list(zip_longest(*(cell.split("\n") for cell in row), fillvalue=""))


def _with_bars(shares: Sequence[float], lines: list[str], longest: int, width: int) -> list[str]:
    """The lines of a table with a bar behind each row, if there is room for one."""
    begin = max(map(columns_of, lines)) + GAP
    room = min(longest, width - begin)
    if not shares or room < _SHORTEST_BAR:
        return lines
    bars = ["", *(bar(share, room) for share in shares)]
    bars += [""] * (len(lines) - len(bars))
    return [f"{padded(line, begin, right=False)}{drawn}".rstrip() for line, drawn in zip(lines, bars, strict=True)]


def _json(table: Table) -> str:
    return json_text(table.data)


def json_text(data: Any) -> str:
    """Indented JSON with lists of numbers (shapes) on one line."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    short = re.sub(r"\[\n\s+([-\d.,\s]+?)\n\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    return in_json(short) + "\n"


def _csv(table: Table) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(table.records[0] if table.records else table.fields or table.headers)
    writer.writerow(map(in_csv, names))
    writer.writerows([in_csv(record.get(name)) for name in names] for record in table.records)
    return out.getvalue()


def _tabulated(table: Table, fmt: str, rows: Sequence[Sequence[str]]) -> str:
    from tabulate import tabulate

    return tabulate(
        rows,
        list(map(in_markdown, table.headers)),
        tablefmt=fmt,
        disable_numparse=True,
        colalign=["right" if n else "left" for n in table.numeric],
    )


def _all_rows(table: Table) -> list[list[str]]:
    return [*table.rows, *([table.total] if table.total else [])]


def _markdown(table: Table) -> str:
    rows = [[in_markdown(cell) for cell in row] for row in _all_rows(table)]
    head = f"### {in_markdown(table.title)}\n\n" if table.title else ""
    notes = "".join(f"\n- **{in_markdown(word)}**: {in_markdown(said)}" for word, said in table.notes)
    return f"{head}{_tabulated(table, 'github', rows)}\n{notes}{'' if not notes else chr(10)}"


def _html(table: Table) -> str:
    from convcost.core.version import __version__
    from convcost.render.html import Section, page

    made = [("made by", f"convcost {__version__}")]
    title, subtitle = heading_of(table.heading or table.title or "convcost")
    return page(title, [Section("table", "", table_html(table, "rows"))], subtitle=subtitle, facts=made)


def heading_of(title: str) -> tuple[str, str]:
    """What a page is about, and what else its title says.

    >>> heading_of("U-Net (unet) · input 256×256×3 · batch 1")
    ('U-Net (unet)', 'input 256×256×3 · batch 1')
    """
    name, _, rest = title.partition(" · ")
    return name, rest


def table_html(table: Table, key: str = "") -> str:
    """The table and its notes as a piece of a page; with a key, which names it there, it can be saved as CSV."""
    from convcost.render import html

    shown = html.table(
        table.headers,
        table.numeric,
        table.rows,
        table.total,
        label=table.title,
        key=key,
        records=table.records if key else (),
        minor=_minor(table) if key else (),
    )
    return shown + html.notes(table.notes)


_ON_A_PHONE = 3
"""Columns for which a phone has room."""


def _minor(table: Table) -> list[int]:
    """The columns that a phone has no room for, where the table says which go first."""
    kept = sorted(range(len(table.priority)), key=lambda at: (table.priority[at], at))[:_ON_A_PHONE]
    return [at for at in range(len(table.priority)) if at not in kept]


def _latex(table: Table) -> str:
    from convcost.render import latex

    below, beside = latex.references(table.notes)
    above = latex.comments([line for line in (table.title, *map(": ".join, beside)) if line])
    if table.latex is not None:
        return f"{above}{latex.NEEDS}\n{latex.formulas(table.headers, table.latex)}{below}"
    return f"{above}{latex.NEEDS}\n{latex.tabular(table.headers, table.numeric, table.rows, table.total)}{below}"
