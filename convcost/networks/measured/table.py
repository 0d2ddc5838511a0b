"""A table of networks and milliseconds as measurements of networks, each with what it is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from convcost.core.errors import ConvcostError, UsageError, listed, one_line
from convcost.core.units import counted
from convcost.devices.calibration import Measured
from convcost.devices.kernels import Terms, kernels, total
from convcost.graph.partial import unknown_ops
from convcost.networks.measured import columns
from convcost.networks.measured.columns import Time
from convcost.networks.measured.named import Namer, Run
from convcost.networks.measured.ran import How
from convcost.networks.measured.sheet import Row, Sheet, read_sheet
from convcost.spec.zoo import is_path

_WORDS = {"min": "least", "median": "median"}


class Taken(NamedTuple):
    """What measurements a file has."""

    measured: tuple[Measured, ...]
    left: Mapping[str, str]
    """Network that could not be used -> why."""
    notes: tuple[tuple[str, str], ...]
    """What was taken from where, in words."""
    setup: Mapping[str, str]
    """What the rows were chosen by: column -> its value in all of them."""
    source: str


class Chosen(NamedTuple):
    """Which rows and columns of a table are meant, where its headings do not say it."""

    where: Mapping[str, str] = MappingProxyType({})
    """Column -> the value that rows have to have there, or to begin with."""
    time: str | None = None
    unit: str | None = None
    network: str | None = None


ALL_ROWS, _USUAL = Chosen(), How()


def measured_table(path: str, asked: Chosen = ALL_ROWS, how: How = _USUAL) -> Taken:
    """The measurements of a CSV file; raises `UsageError` and `SpecError` for a file that is no such table.

    A network that cannot be read is left out, and named.
    """
    whole = read_sheet(path)
    names = columns.network_column(whole, asked.network)
    times = columns.time_column(whole, asked.time, asked.unit)
    sheet = columns.chosen(whole, asked.where)
    namer = Namer(os.path.dirname(path), how.models, how.input_shape)
    runs, left = _runs(sheet, names, namer)
    used = {names, times.column, *(column for run in runs for column in namer.columns_of(run, sheet.columns))}
    columns.check_one_setup(sheet, used, asked.where, [*runs.values()])
    _check_cells(sheet, runs, names, times)
    times_of, terms_of, uncounted = dict[str, list[float]](), dict[str, Terms](), dict[str, list[str]]()
    for run, rows in runs.items():
        filled = [row for row in rows if columns.milliseconds(row, times, sheet.decimal) is not None]
        if not filled:
            left[run.name] = f"{rows[0].at}: {times.column} is empty"
            continue
        try:
            opened = namer.open(run, how.dtype, how.batch)
            counts = kernels(opened.network.walked, opened.dtype, opened.batch, winograd=how.winograd)
        except ConvcostError as error:
            left[run.name] = one_line(str(error).splitlines()[0])
            continue
        name = run.name if is_path(run.model) else run.named(opened.network.label)
        for op in unknown_ops(opened.network.steps):
            uncounted.setdefault(op.type, []).append(name)
        found = (columns.milliseconds(row, times, sheet.decimal, opened.batch) for row in filled)
        times_of.setdefault(name, []).extend(ms for ms in found if ms is not None)
        terms_of[name] = total(counts)
    measured = tuple(Measured(name, _one(found, how.repeats), terms_of[name]) for name, found in times_of.items())
    several = sum(len(found) > 1 for found in times_of.values())
    setup = _setup(sheet, asked.where)
    notes = (*_notes(whole, sheet, times, several, how.repeats), *_uncounted(uncounted))
    return Taken(measured, left, notes, setup, _source(whole, setup))


def _check_cells(sheet: Sheet, runs: Mapping[Run, Sequence[Row]], names: str, time: Time) -> None:
    """Raise `UsageError` if a network has a time that is none: for all rows of the table, with those that name no network or
    have no time, which alone would only leave their networks out.
    """
    wrong = {row.at: why for rows in runs.values() for row in rows if (why := columns.wrong(row, time, sheet.decimal))}
    if not wrong:
        return
    found = []
    for row in sheet.rows:
        lacking = [column for column in (names, time.column) if not row.cells[column]]
        found += [f"{row.at}: {column} is empty" for column in lacking]
        if why := columns.wrong(row, time, sheet.decimal):
            found.append(why)
    raise UsageError(listed(found))


def _uncounted(types: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """That networks have ops which nobody can count: their time is measured all the same, and the error tells how much it was."""
    names = {name for some in types.values() for name in some}
    if names:
        yield (
            "unknown",
            f"{counted(len(names), 'network')} with ops that are not counted, {', '.join(types)}: fitted without them",
        )


def _one(times: Sequence[float], repeats: str) -> float:
    """The time that counts of a network that ran several times."""
    from statistics import median

    return min(times) if repeats == "min" else median(times)


def _setup(sheet: Sheet, where: Mapping[str, str]) -> dict[str, str]:
    """The columns that rows were chosen by -> their value, where all rows have the same."""
    asked = {columns.plain(name) for name in where}
    values = {
        column: {row.cells[column] for row in sheet.rows} for column in sheet.columns if columns.plain(column) in asked
    }
    return {column: next(iter(found)) for column, found in values.items() if len(found) == 1}


def _runs(sheet: Sheet, names: str, namer: Namer) -> tuple[dict[Run, list[Row]], dict[str, str]]:
    """The rows of each network, and the networks that there are not, with why."""
    runs, left = dict[Run, list[Row]](), dict[str, str]()
    for row in sheet.rows:
        name = row.cells[names]
        try:
            runs.setdefault(namer.run(name, {**row.cells, names: ""}), []).append(row)
        except ConvcostError as error:
            left[name] = one_line(str(error).splitlines()[0])
    return runs, left


def _notes(whole: Sheet, sheet: Sheet, time: Time, several: int, repeats: str) -> tuple[tuple[str, str], ...]:
    notes = [("times", f"column {time.column}, in {time.unit}, of {_rows(whole, sheet)} of {whole.file}")]
    if several:
        notes.append(("runs", f"{counted(several, 'network')} ran more than once; the {_WORDS[repeats]} time counts"))
    return tuple(notes)


def _rows(whole: Sheet, sheet: Sheet) -> str:
    if len(sheet.rows) == len(whole.rows):
        return f"all {counted(len(whole.rows), 'row')}"
    return f"{len(sheet.rows):,} of {counted(len(whole.rows), 'row')}"


def _source(sheet: Sheet, setup: Mapping[str, str]) -> str:
    return ", ".join([os.path.basename(sheet.file), *(f"{column}={value}" for column, value in setup.items())])
