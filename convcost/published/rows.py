"""Reading the files of published figures: CSV row by row, every problem named with its line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

import yaml

from convcost.core.errors import MOST_SHOWN, ConvcostError, UsageError, did_you_mean, one_line
from convcost.core.places import zoo_directory
from convcost.render.escape import from_csv
from convcost.spec.tree import read_text, shown_path

Row = TypeVar("Row")


def published_file(name: str) -> str:
    """The path of a file of specs/published."""
    return os.path.join(zoo_directory(), "published", name)


def published_yaml(name: str) -> dict[str, dict[str, Any]]:
    """The entries of a file of specs/published by key."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, dict[str, Any]] = yaml.load(read_text(published_file(name)), Loader=loader)  # noqa: S506 - a safe loader
    return loaded


def one_of(column: str, word: str, words: Collection[str]) -> None:
    """Raise `UsageError` for a word that a column does not know."""
    if word not in words:
        raise UsageError(f"{column}: there is no {word!r}{did_you_mean(word, words)}")


def key_values(text: str, column: str, example: str) -> dict[str, str]:
    """`width=0.75 resolution=192` as a mapping; raises `UsageError`."""
    found: dict[str, str] = {}
    for part in text.split():
        name, sign, value = part.partition("=")
        if not (name and sign and value):
            raise UsageError(f"{column}: {part!r} is not KEY=VALUE, e.g. {example}")
        if name in found:
            raise UsageError(f"{column}: {name} is set twice")
        found[name] = value
    return found


def read_rows(
    path: str, columns: Collection[str], needed: Iterable[str], make: Callable[[str, dict[str, str]], Row]
) -> list[Row]:
    """Each row of a CSV file, converted by `make`; all problems are reported at once."""
    shown, made, problems = shown_path(path), [], []
    for line, cells in _records(path, shown, columns, needed):
        at = f"{shown}:{line}"
        try:
            if isinstance(cells, str):
                raise UsageError(cells)
            made.append(make(at, cells))
        except (ConvcostError, ValueError) as error:
            problems.append(f"{at}: {one_line(str(error))}")
    raise_all(problems)
    return made


def raise_all(problems: list[str]) -> None:
    """Raise `UsageError` with a line per problem, if there is one."""
    if problems:
        more = len(problems) - MOST_SHOWN
        raise UsageError("\n".join([*problems[:MOST_SHOWN], *([f"… and {more} more problems"] if more > 0 else [])]))


def _records(
    path: str, shown: str, columns: Collection[str], needed: Iterable[str]
) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Line number and cells of each row, every column present; or what is wrong with the row."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        for name in header:
            if name not in columns:
                raise UsageError(f"{shown}:1: there is no column {name!r}{did_you_mean(name, columns)}")
            if header.count(name) > 1:
                raise UsageError(f"{shown}:1: the column {name} stands twice")
        for name in needed:
            if name not in header:
                raise UsageError(f"{shown}:1: the column {name} is missing. Columns: {', '.join(columns)}")
        blank = dict.fromkeys(columns, "")
        line = reader.line_num + 1
        for row in reader:
            cells = [from_csv(cell.strip()) for cell in row]
            if any(cells):
                fits = len(cells) == len(header)
                yield line, {**blank, **dict(zip(header, cells))} if fits else _miscounted(len(cells), len(header))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{shown}:{line}: not valid CSV: {error}") from None


def _miscounted(got: int, need: int) -> str:
    hint = "; a cell with a comma in it needs quotes" if got > need else ""
    return f"{got} cells where the header has {need} columns{hint}"
