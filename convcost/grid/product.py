"""Tables multiplied out: a metric made ready once, then any window of its grid at the speed of writing it to memory.

The terms of all regions are brought to one form, a table along one axis (the *rows*: usually the resolution) times
numbers for each *plane* and *column*, so that a block of the grid is one small matrix product, whatever regions it
crosses. Of values of an axis that cost the same only the first is worked on: equal rows and columns are copied within
the cache, and so are equal planes - depths that rounding makes equal. Products run in float64 where no partial sum can
reach 2^53, and are then exact integers whatever the order of summation; else in int64 below 2^63, else in Python's own
integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.grid.factors import FactoredSum, Factors, region_sums
from convcost.grid.guards import LARGEST_INT64, Array
from convcost.grid.repeats import COLUMNS, ROWS, Distinct, Layout, Selected, layout_of, numbered, runs_of, runs_within
from convcost.grid.tables import Region, Tables
from convcost.grid.threads import BLOCK, SCRATCH, on_threads, thread_count

EXACT_FLOAT = 2**53

Window = tuple[slice, ...]
"""A part of the grid: a range of values for each axis."""


class Product:
    """A metric of a whole grid, ready to be multiplied out over any window of it."""

    def __init__(self, tables: Tables, metric: str) -> None:
        bound = tables.bound(metric)
        self.dtype: Any = np.int64 if bound < LARGEST_INT64 else object
        self.layout = layout_of(tables, metric)
        kinds = [tables.kinds(axis, [metric]) for axis in self.layout.order]
        if not self.layout.outer:
            kinds.insert(0, np.zeros(1, dtype=np.intp))
        self.planes = runs_of(kinds[0])
        self.columns = [Distinct(kind, COLUMNS) for kind in kinds[2:]]
        regions: dict[bytes, list[Region]] = {}
        for region in tables.regions:
            if not region.reason:
                regions.setdefault(region.box[self.layout.rows].tobytes(), []).append(region)
        chosen = [numbered(kinds[0])[0], kinds[1], *(column.firsts for column in self.columns)]
        exact: Any = np.float64 if bound < EXACT_FLOAT else self.dtype
        self.bands = [Band(some, metric, self.layout, chosen, exact) for some in regions.values()]

    def write(self, window: Window, out: Array) -> None:
        """Put the integers of a window into an array of its shape; 0 where no network can be built."""
        if not out.size:
            return
        within, target = [window[axis] for axis in self.layout.order], out.transpose(self.layout.order)
        if not self.layout.outer:
            within, target = [slice(0, 1), *within], target[None]
        groups = runs_within(self.planes, within[0])
        columns = [column.within(part) for column, part in zip(self.columns, within[2:], strict=True)]
        cuts = [band.cut(np.array([*groups]), columns) for band in self.bands]
        height = max(1, BLOCK // max(1, prod(target.shape[2:])))
        rows = [slice(low, min(low + height, target.shape[1])) for low in range(0, target.shape[1], height)]
        strips = [(some, _band_rows(some, within[1].start, cuts)) for some in rows]
        blocks = [(plane, runs, *strip) for plane, runs in enumerate(groups.values()) for strip in strips]
        todo = iter(sorted(blocks, key=lambda block: -sum(run.stop - run.start for run in block[1])))

        def run() -> None:
            for plane, runs, rows, parts in todo:  # whoever is free takes the next one, long ones first
                first = target[runs[0].start, rows]
                _fill(first, plane, parts)
                for equal in (slice(runs[0].start + 1, runs[0].stop), *runs[1:]):
                    # Copies as an operation: moving memory takes a third longer where planes are not aligned.
                    np.positive(first, out=target[equal, rows])

        on_threads(run, min(len(blocks), thread_count()) if out.size >= 4 * BLOCK else 1)


class _BandRows(NamedTuple):
    """Those rows of a strip that are a band's."""

    cut: _BandWindow
    needed: slice
    """Which of the band's rows that differ."""
    positions: Array | None
    """For each row its place among them; None if each is its own."""
    at: Array | None
    """Where in the strip the rows are; None if they are all of it."""


def _band_rows(rows: slice, start: int, cuts: Sequence[_BandWindow]) -> list[_BandRows]:
    """What some rows of a window, which starts at a row of the grid, are made of."""
    found = []
    for cut in cuts:
        own = cut.band.rows
        low, high = (int(at) for at in np.searchsorted(own, (rows.start + start, rows.stop + start)))
        if low < high:
            needed, positions = cut.band.distinct.within(slice(low, high))
            whole = high - low == rows.stop - rows.start
            found.append(_BandRows(cut, needed, positions, None if whole else own[low:high] - start - rows.start))
    return found


def _fill(target: Array, plane: int, parts: Sequence[_BandRows]) -> None:
    """Write some rows of a plane: the sum of their parts."""
    if len(parts) == 1 and parts[0].at is None:
        values = parts[0].cut.values(plane, parts[0].needed, target.dtype)
        if parts[0].positions is None:
            target[...] = values
        else:
            values.take(parts[0].positions, axis=0, out=target, mode="clip")  # none is beyond; so written in place
        return
    target[...] = 0
    for cut, needed, positions, at in parts:
        values = cut.values(plane, needed, target.dtype)
        target[... if at is None else at] += values if positions is None else values[positions]


class Band:
    """Regions that have the same rows, as sums over all planes and columns, the largest of which counts."""

    def __init__(
        self, regions: Sequence[Region], metric: str, layout: Layout, chosen: Sequence[Array], dtype: Any
    ) -> None:
        self.rows = regions[0].box[layout.rows]
        self.distinct = Distinct(chosen[1][self.rows], ROWS)
        chosen = [chosen[0], self.rows[self.distinct.firsts], *chosen[2:]]
        shape = tuple(map(len, chosen))
        regions_sums = [region_sums(region, metric, layout, chosen, dtype) for region in regions]
        self.sums = [FactoredSum([one for one in some if one], shape, dtype) for some in zip_longest(*regions_sums)]

    def cut(self, planes: Array, columns: Sequence[Selected]) -> _BandWindow:
        """The band made ready for some kinds of planes and some columns."""
        needed = tuple(column.needed for column in columns)
        return _BandWindow(
            self, [one.cut(planes, needed) for one in self.sums], [column.positions for column in columns]
        )


class _BandWindow:
    """A band at the planes and columns of a window."""

    def __init__(self, band: Band, sums: Sequence[Factors], columns: Sequence[Array | None]) -> None:
        self.band, self.sums, self.columns = band, sums, columns

    def values(self, plane: int, rows: slice, dtype: Any) -> Array:
        """Some of the rows that differ, at every column of the window."""
        values = self.sums[0].values(plane, rows, "largest")
        for other in self.sums[1:]:
            np.maximum(values, other.values(plane, rows, "other"), out=values)
        if values.dtype != dtype:
            integers = SCRATCH.array("integers", values.shape, dtype)
            np.copyto(integers, values, casting="unsafe")  # exact: all are integers below 2^53
            values = integers
        for axis, positions in reversed([*enumerate(self.columns, start=1)]):
            if positions is not None:
                values = values.take(positions, axis=axis)
        return values
