"""A table of the layers of one network and milliseconds, in the place of a runtime's profile."""

from __future__ import annotations

from statistics import median

from convcost.core.errors import UsageError
from convcost.core.units import counted
from convcost.devices.profiles import Profile, Ran
from convcost.networks.measured import columns
from convcost.networks.measured.sheet import Row, read_sheet
from convcost.networks.measured.table import Chosen


def profile_of_table(path: str, asked: Chosen, repeats: str = "min", batch: int = 1) -> Profile:
    """The layers of a CSV file as what ran; raises `UsageError` and `SpecError` for a file that is no such table.

    Of several rows of a layer the least time counts, or the median.
    """
    whole = read_sheet(path)
    names = columns.layer_column(whole, asked.network)
    times = columns.time_column(whole, asked.time, asked.unit)
    sheet = columns.chosen(whole, asked.where)
    rows = dict[str, list[Row]]()
    for row in sheet.rows:
        rows.setdefault(row.cells[names], []).append(row)
    columns.check_one_setup(sheet, {names, times.column}, asked.where, [*rows.values()])
    nodes = []
    for name, same in rows.items():
        found = [ms for row in same if (ms := columns.milliseconds(row, times, sheet.decimal, batch)) is not None]
        if found:
            nodes.append(Ran(name, name, min(found) if repeats == "min" else median(found)))
    if not nodes:
        raise UsageError(f"{whole.file}: {times.column} is empty in every row")
    note = f"column {times.column}, in {times.unit}, of {counted(len(sheet.rows), 'row')}"
    return Profile(whole.file, "", tuple(nodes), None, note)
