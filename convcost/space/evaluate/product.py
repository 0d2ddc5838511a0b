"""Multiplying tables out: a metric is prepared once, then any window of its grid takes as long as writing it to memory.

The terms of all regions are brought to one form, a table along one axis (the *rows*: usually the resolution) times
numbers for each *plane* and *column*, so that a block of the grid is one small matrix product, whatever regions it
spans. Among values of an axis with equal costs only the first is computed: equal rows and columns are copied within the
cache, and so are equal planes - depths that rounding makes equal. Products run in float64 where no cost can reach 2^52,
and are then exact integers for any order of summation; else in int64 below 2^63, else in Python ints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import zip_longest
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array
from convcost.space.evaluate.factors import OFFSET, FactoredSum, Factors, region_sums
from convcost.space.evaluate.repeats import (
    COLUMNS,
    ROWS,
    ROWS_OF_COPIED_PLANES,
    AxisRoles,
    Distinct,
    Selected,
    layout_of,
    numbered,
    runs_of,
    runs_within,
)
from convcost.space.evaluate.threads import BLOCK, SCRATCH, on_threads, thread_count
from convcost.space.space import DesignSpace, Region
from convcost.space.windows import Window


class Product:
    """A metric of a whole grid, ready to be multiplied out over any window of it."""

    def __init__(self, tables: DesignSpace, metric: str) -> None:
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
        exact: Any = np.float64 if bound < OFFSET else self.dtype
        self.bands = [Band(some, metric, self.layout, chosen, exact) for some in regions.values()]
        self.latest: tuple[Window, list[_Strip]] = ((), [])
        """The window that was written last, and its blocks, if they take no memory of their own."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "latest": ((), [])}

    def write(self, window: Window, out: Array) -> None:
        """Write the integers of a window into an array of its shape; 0 where no network can be built."""
        if not out.size:
            return
        target = out.transpose(self.layout.order)
        latest, blocks = self.latest
        if latest != window:
            blocks = self._blocks(window)
            if all(one.kept is not None for band in self.bands for one in band.sums):
                self.latest = window, blocks
        work = _write_copies if self.layout.outer else _write_once
        todo = iter(blocks)  # whoever is free takes the next one
        on_threads(partial(work, target, todo), min(len(blocks), thread_count()) if out.size >= 4 * BLOCK else 1)

    def _blocks(self, window: Window) -> list[_Strip]:
        """The strips of a window, the longest first."""
        within = [window[axis] for axis in self.layout.order]
        within = within if self.layout.outer else [slice(0, 1), *within]
        sizes = [part.stop - part.start for part in within]
        groups = runs_within(self.planes, within[0])
        columns = [column.within(part) for column, part in zip(self.columns, within[2:], strict=True)]
        cuts = [band.cut(np.array([*groups]), columns) for band in self.bands]
        height = max(1, BLOCK // max(1, prod(sizes[2:])))
        rows = [slice(low, min(low + height, sizes[1])) for low in range(0, sizes[1], height)]
        strips = [(some, _band_rows(some, within[1].start, cuts)) for some in rows]
        blocks = [_Strip(plane, runs, *strip) for plane, runs in enumerate(groups.values()) for strip in strips]
        return sorted(blocks, key=lambda block: -sum(run.stop - run.start for run in block.runs))


class _Strip(NamedTuple):
    """Some rows of a plane: their bands, and all planes of the window that are equal to it."""

    plane: int
    runs: Sequence[slice]
    rows: slice
    parts: Sequence[_BandRows]


def _write_once(target: Array, todo: Iterator[_Strip]) -> None:
    """Write blocks of a grid that has no equal planes."""
    for plane, _, rows, parts in todo:
        _fill(target[rows], plane, parts)


def _write_copies(target: Array, todo: Iterator[_Strip]) -> None:
    """Write blocks of planes that are equal to others."""
    for plane, runs, rows, parts in todo:
        # Computed outside the target, so that what is copied repeatedly stays in the cache, for the next block too.
        block = SCRATCH.array("block", target[0, rows].shape, target.dtype)
        _fill(block, plane, parts)
        for equal in runs:
            # Copies as an operation: moving memory takes a third longer where planes are not aligned.
            np.positive(block, out=target[equal, rows])


class _BandRows(NamedTuple):
    """Those rows of a strip that are a band's."""

    cut: _BandWindow
    needed: slice
    """Which of the band's rows that differ."""
    positions: Array | None
    """For each row its place among them; None if each is its own."""
    at: Array | None
    """The positions of the rows in the strip; None if they are all of it."""


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
        cut, needed, positions, _ = parts[0]
        if positions is not None:
            # None is beyond; to say so, by a mode, lets them be written in place.
            cut.values(plane, needed, target.dtype).take(positions, axis=0, out=target, mode="clip")
        elif cut.columns_differ and target.flags.c_contiguous:
            cut.write(plane, needed, target)
        else:
            target[...] = cut.values(plane, needed, target.dtype)
        return
    target[...] = 0
    for cut, needed, positions, at in parts:
        values = cut.values(plane, needed, target.dtype)
        target[... if at is None else at] += values if positions is None else values[positions]


class Band:
    """Regions that have the same rows, as sums over all planes and columns, the largest of which counts."""

    def __init__(
        self, regions: Sequence[Region], metric: str, layout: AxisRoles, chosen: Sequence[Array], dtype: Any
    ) -> None:
        self.rows = regions[0].box[layout.rows]
        self.distinct = Distinct(chosen[1][self.rows], ROWS_OF_COPIED_PLANES if layout.outer else ROWS)
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

    @property
    def columns_differ(self) -> bool:
        """Whether no two columns are equal."""
        return all(positions is None for positions in self.columns)

    def write(self, plane: int, rows: slice, out: Array) -> None:
        """Put some of the rows that differ, at the columns that differ, into an array without gaps."""
        self.sums[0].write(plane, rows, out)
        for other in self.sums[1:]:
            candidate = SCRATCH.array("candidate", out.shape, out.dtype)
            other.write(plane, rows, candidate)
            np.maximum(out, candidate, out=out)

    def values(self, plane: int, rows: slice, dtype: Any) -> Array:
        """Some of the rows that differ, at every column of the window."""
        values = SCRATCH.array("values", (rows.stop - rows.start, *self.sums[0].shape), dtype)
        self.write(plane, rows, values)
        for axis, positions in reversed([*enumerate(self.columns, start=1)]):
            if positions is not None:
                values = values.take(positions, axis=axis)
        return values
