"""One table, six ways to write it: text for a terminal, CSV, Markdown, HTML, LaTeX - and JSON from data."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convcost.core.errors import UsageError, did_you_mean

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


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as formatted text, and the same rows as exact records."""

    title: str
    headers: tuple[str, ...]
    numeric: tuple[bool, ...]
    """Which columns are numbers, set flush right."""
    rows: list[list[str]]
    records: list[dict[str, Any]]
    """One exact record per row, for CSV."""
    data: dict[str, Any]
    """Everything, for JSON."""
    total: list[str] | None = None
    latex: list[list[str]] | None = None
    """The rows as LaTeX source, if they contain formulas."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Notes below the table: a keyword and its text."""

    def render(self, format: str = "table") -> str:  # noqa: A002 - as the command's option is called
        """The table as text: `table`, `json`, `csv`, `markdown`, `html` or `latex`; raises `UsageError`.

        >>> one = Table("", ("op", "MACs"), (False, True), [["conv2d", "2,160"]], [{"op": "conv2d", "macs": 2160}], {})
        >>> print(one.render("csv"), end="")
        op,macs
        conv2d,2160
        """
        if format not in FORMATS:
            raise UsageError(f"there is no format {format!r}{did_you_mean(format, FORMATS)}")
        return render(self, format)

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with an exact record per row."""
        import pandas as pd

        return pd.DataFrame(self.records)

    def __repr__(self) -> str:
        return f"<Table {self.title or ', '.join(self.headers)} · {len(self.rows)} rows>"

    def __str__(self) -> str:
        return render(self, "table")

    def _repr_html_(self) -> str:
        """How a notebook shows the table."""
        from html import escape

        return f'<div style="max-height:36em;overflow:auto"><b>{escape(self.title)}</b>{table_html(self)}</div>'


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


def render(table: Table, fmt: str) -> str:
    """The table in one of `FORMATS`, ending with a newline."""
    writers = {"table": _text, "json": _json, "csv": _csv, "markdown": _markdown, "html": _html, "latex": _latex}
    return writers[fmt](table)


def grid(headers: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Lines of a plain table; columns two spaces apart, numbers flush right.

    >>> grid(("op", "MACs"), [("conv2d", "2,160")], (False, True))
    ['op       MACs', 'conv2d  2,160']
    """
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        set_cells = (c.rjust(w) if n else c.ljust(w) for c, w, n in zip(cells, widths, numeric, strict=True))
        return "  ".join(set_cells).rstrip()

    return [line(cells) for cells in (headers, *rows)]


def _text(table: Table) -> str:
    # Not tabulate: its import alone would cost a third of the whole command (benchmarks/README.md).
    total = [table.total] if table.total else []
    lines = grid(table.headers, [*table.rows, *total], table.numeric)
    rule = "-" * max(map(len, lines))
    if total:
        lines.insert(-1, rule)
    lines.insert(1, rule)
    head = [table.title, ""] if table.title else []
    notes = [line for word, said in table.notes for line in _wrapped(word, said)]
    return "\n".join([*head, *lines, *([""] if notes else []), *notes, ""])


def _wrapped(word: str, said: str) -> list[str]:
    """A note wrapped to at most 110 characters; its text is a column of its own."""
    import textwrap

    return textwrap.wrap(f"{word:<12} {said}", 110, subsequent_indent=" " * 13, break_long_words=False)


def _json(table: Table) -> str:
    return json_text(table.data)


def json_text(data: Any) -> str:
    """Indented JSON with lists of numbers (shapes) on one line."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return re.sub(r"\[\n\s+([-\d.,\s]+?)\n\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


def _csv(table: Table) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, list(table.records[0]) if table.records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.records)
    return out.getvalue()


def _tabulated(table: Table, fmt: str, rows: Sequence[Sequence[str]]) -> str:
    from tabulate import tabulate

    return tabulate(
        rows,
        table.headers,
        tablefmt=fmt,
        disable_numparse=True,
        colalign=["right" if n else "left" for n in table.numeric],
    )


def _all_rows(table: Table) -> list[list[str]]:
    return [*table.rows, *([table.total] if table.total else [])]


def _markdown(table: Table) -> str:
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _all_rows(table)]
    head = f"### {table.title}\n\n" if table.title else ""
    notes = "".join(f"\n- **{word}**: {said}" for word, said in table.notes)
    return f"{head}{_tabulated(table, 'github', rows)}\n{notes}{'' if not notes else chr(10)}"


def _html(table: Table) -> str:
    from convcost.core.version import __version__
    from convcost.render.html import Section, page

    title = table.title or "convcost"
    return page(
        title, [Section("table", "", table_html(table, "rows"))], facts=[("made by", f"convcost {__version__}")]
    )


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
    )
    return shown + html.notes(table.notes)


def _latex(table: Table) -> str:
    comments = "".join(f"% {line}\n" for line in (table.title, *map(": ".join, table.notes)) if line)
    if table.latex is not None:
        from tabulate import tabulate

        return comments + tabulate(table.latex, table.headers, tablefmt="latex_raw") + "\n"
    text = _tabulated(table, "latex_booktabs", _all_rows(table)).replace("×", r"$\times$")
    for sign, command in ((">", "geq"), ("<", "leq")):  # as tabulate has written >= and <=
        text = text.replace(rf"\ensuremath{{{sign}}}=", rf"$\{command}$")
    lines = text.splitlines()
    if table.total:
        lines.insert(-3, r"\midrule")  # before the total, \bottomrule and \end{tabular}
    return comments + "\n".join(["% needs \\usepackage{booktabs}", *lines, ""])
