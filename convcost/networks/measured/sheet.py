"""A table of measurements as it stands in a CSV file: its heading, and its rows with the lines that they stand in."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from convcost.core.errors import UsageError, listed
from convcost.core.units import exact
from convcost.render.escape import from_csv
from convcost.spec.tree import read_text, shown_path

LARGEST: Final = 2**25
"""Bytes of a table."""
_MOST_ROWS: Final = 200_000
_DELIMITERS: Final = (",", ";", "\t")


class Row(NamedTuple):
    """One row."""

    at: str
    """Its file and line, for messages."""
    cells: Mapping[str, str]
    """Column -> what stands there, without spaces around it."""


class Sheet(NamedTuple):
    """A table of measurements."""

    file: str
    """As messages call it."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal: str = "."
    """What stands before decimals."""


def read_sheet(path: str) -> Sheet:
    """The table of a CSV file, whose cells are separated by commas, semicolons or tabs.

    Raises `SpecError` for a file that cannot be read or is no text, `UsageError` for a row that does not fit the heading.
    """
    return sheet(read_text(path, "a table of measurements", LARGEST), shown_path(path))


def sheet(text: str, file: str) -> Sheet:
    r"""The table of a text; raises `UsageError`.

    >>> found = sheet("network,ms\nlenet5,0.4\n\nvgg16,210\n", "t.csv")
    >>> found.columns, [(row.at, row.cells["ms"]) for row in found.rows]
    (('network', 'ms'), [('t.csv:2', '0.4'), ('t.csv:4', '210')])
    """
    if "\0" in text:
        raise UsageError(f"{file}: is no table: it has zero bytes; a table of measurements is CSV: network,ms")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    rows = _cells(text, file, delimiter)
    _, heading = next(rows, (1, []))
    if not heading:
        raise UsageError(f"{file}: is empty; a table of measurements begins with a heading, as in network,ms")
    often = Counter(filter(None, heading))
    if twice := [name for name, times in often.items() if times > 1]:
        raise UsageError(f"{file}:1: the column {twice[0]} stands twice")
    found = tuple(_rows(rows, heading, file))
    if not found:
        raise UsageError(f"{file}: has a heading and no rows")
    return Sheet(file, tuple(filter(None, heading)), found, "," if delimiter == ";" else ".")


def _rows(rows: Iterator[tuple[int, list[str]]], heading: list[str], file: str) -> Iterator[Row]:
    wrong = []
    for number, (line, cells) in enumerate(rows):
        if number == _MOST_ROWS:
            raise UsageError(f"{file}: has more than {exact(_MOST_ROWS)} rows; cut those of one device out of it")
        if len(cells) != len(heading):
            hint = "; a cell with a comma in it needs quotes" if len(cells) > len(heading) else ""
            wrong.append(f"{file}:{line}: {len(cells)} cells where the heading has {len(heading)}{hint}")
        yield Row(f"{file}:{line}", dict(zip(heading, cells)))
    if wrong:
        raise UsageError(listed(wrong))


def _cells(text: str, file: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line and the cells of each row that is not blank; raises `UsageError`."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            cells = [from_csv(cell.strip()) for cell in row]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{file}:{line}: not valid CSV: {error}") from None
