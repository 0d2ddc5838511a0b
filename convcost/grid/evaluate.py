"""Tables multiplied out: a whole grid at the speed of writing it to memory.

Terms are grouped by their table along one axis (the *rows*: usually the resolution), so that a block of the grid is one
small matrix product; blocks fit the cache. Equal planes of the grid - depths that rounding makes equal - are computed
once and copied. Products run in float64 where no partial sum can reach 2^53, and are then exact integers whatever the
order of summation; else in int64 below 2^63, else in Python's own integers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.grid.guards import LARGEST_INT64, Array
from convcost.grid.tables import Region, Tables, Term, freeze_table, taken

EXACT_FLOAT = 2**53
_BLOCK = 2**17
"""Cells worked on at once: 1 MiB."""

Window = tuple[slice, ...]
"""A part of the grid: a range of values for each axis."""


def evaluate(tables: Tables, metric: str, window: Window | None = None, out: Array | None = None) -> Array:
    """The exact integers of one metric over the grid or a window of it; 0 where no network can be built.

    Axes are in the order of the tables. `out` is an array to write into, as `empty` gives it: int64, or object if
    some value may not fit.
    """
    window = window or tuple(slice(0, size) for size in tables.shape)
    out = empty(tables, metric, window) if out is None else out
    layout = _layout(tables, metric, window)
    planes = _equal_planes(tables, metric, window, layout)
    firsts = np.array([members[0] for members in planes])
    regions = [_Prepared(region, metric, window, layout, firsts) for region in tables.regions if not region.reason]
    regions = [region for region in regions if region.size]
    target = out.transpose(layout.order) if layout.outer else out.transpose(layout.order)[None]
    covered = sum(region.size for region in regions) == len(firsts) * prod(target.shape[1:])
    height = max(1, _BLOCK // prod(target.shape[2:]))
    tasks = [
        partial(_write, regions, members, slice(low, min(low + height, target.shape[1])), target, covered)
        for members in planes
        for low in range(0, target.shape[1], height)
    ]
    if out.size < 4 * _BLOCK or len(tasks) == 1:
        for task in tasks:
            task()
    else:
        with ThreadPoolExecutor(_threads()) as pool:
            for done in [pool.submit(task) for task in tasks]:
                done.result()
    return out


def empty(tables: Tables, metric: str, window: Window | None = None) -> Array:
    """An array for the values of a metric, laid out so that it is written in long runs."""
    window = window or tuple(slice(0, size) for size in tables.shape)
    dtype = np.int64 if tables.bound(metric) < LARGEST_INT64 else object
    order = _layout(tables, metric, window).order
    laid_out = np.empty([window[axis].stop - window[axis].start for axis in order], dtype=dtype)
    return laid_out.transpose(np.argsort(order))


def feasible(tables: Tables, window: Window | None = None) -> Array:
    """Whether the network can be built, at every point of the grid or of a window of it."""
    window = window or tuple(slice(0, size) for size in tables.shape)
    shape = [len(range(*part.indices(size))) for part, size in zip(window, tables.shape, strict=True)]
    out = np.ones(shape, dtype=bool)
    for region in tables.regions:
        if region.reason:
            out[np.ix_(*inside(region, window)[1])] = False
    return out


def at_points(tables: Tables, metric: str, positions: Sequence[Array]) -> list[int | None]:
    """One metric at points of the grid given by their positions along each axis; None where none can be built."""
    found: list[int | None] = [None] * len(positions[0])
    for region in tables.regions:
        local = [np.searchsorted(values, at) for values, at in zip(region.box, positions, strict=True)]
        inside = np.ones(len(found), dtype=bool)
        for values, at, place in zip(region.box, positions, local, strict=True):
            inside &= values[np.minimum(place, len(values) - 1)] == at
        here = np.flatnonzero(inside)
        if not region.reason and len(here):
            picked = [place[here] for place in local]
            for i, value in zip(here, _sum_at(region, metric, picked), strict=True):
                found[i] = int(value)
    return found


def _sum_at(region: Region, metric: str, picked: Sequence[Array]) -> Array:
    dtype: Any = np.int64 if region.bound(metric) < LARGEST_INT64 else object
    highest: Any = None
    for terms in region.costs[metric]:
        total: Any = np.zeros(len(picked[0]), dtype=dtype)
        for factor, tables in terms:
            product: Any = np.full(len(picked[0]), factor, dtype=dtype)
            for table in tables:
                at = tuple(place if size > 1 else 0 for place, size in zip(picked, table.shape, strict=True))
                product = product * table[at].astype(dtype)
            total = total + product
        highest = total if highest is None else np.maximum(highest, total)
    return np.asarray(highest)


def _threads() -> int:
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


def inside(region: Region, window: Window) -> tuple[list[Array], list[Array]]:
    """Positions in the region's tables that lie in the window, and where in the window they lie."""
    chosen, at = [], []
    for values, part in zip(region.box, window, strict=True):
        low, high = np.searchsorted(values, (part.start, part.stop))
        chosen.append(np.arange(low, high))
        at.append(values[low:high] - part.start)
    return chosen, at


class _Layout(NamedTuple):
    """The parts that the axes play."""

    outer: tuple[int, ...]
    """The axis with most equal planes, if it has enough of them."""
    rows: int
    columns: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        return (*self.outer, self.rows, *self.columns)


def _layout(tables: Tables, metric: str, window: Window) -> _Layout:
    """Choose the part of each axis: the fewer products a cell takes, the better; a single value makes poor rows."""
    sizes = [part.stop - part.start for part in window]
    axes = range(len(sizes))
    region = max(tables.regions, key=lambda region: prod(region.shape) if not region.reason else 0)
    if region.reason:
        return _Layout((), 0, tuple(axes[1:]))
    repeats = [min(size, len(kind)) / (int(kind.max()) + 1) for size, kind in zip(sizes, region.kinds(metric))]
    most = max(axes, key=lambda axis: repeats[axis])
    outer = (most,) if repeats[most] >= 2 and len(axes) > 1 else ()
    inner = [axis for axis in axes if axis not in outer]
    rows = min(inner, key=lambda axis: (sizes[axis] == 1, region.profiles(metric)[axis]))
    return _Layout(outer, rows, tuple(axis for axis in inner if axis != rows))


def _equal_planes(tables: Tables, metric: str, window: Window, layout: _Layout) -> list[Array]:
    """Positions along the outermost axis in groups at which all regions have the same values."""
    if not layout.outer:
        return [np.zeros(1, dtype=np.intp)]
    (outer,) = layout.outer
    columns = []
    for region in tables.regions:
        chosen, at = inside(region, window)
        column = np.full(window[outer].stop - window[outer].start, -1, dtype=np.intp)
        if all(map(len, chosen)):
            column[at[outer]] = region.kinds(metric)[outer][chosen[outer]] if not region.reason else 0
        columns.append(column)
    groups: dict[bytes, list[int]] = {}
    for position, row in enumerate(np.stack(columns, axis=1)):
        groups.setdefault(row.tobytes(), []).append(position)
    return [np.array(members) for members in groups.values()]


def _write(regions: Sequence[_Prepared], members: Array, rows: slice, target: Array, covered: bool) -> None:
    """Compute some rows of a plane from all regions that it crosses, and copy them to the planes that are equal."""
    first = target[members[0]][rows]
    if not covered:
        first[...] = 0
    for region in regions:
        region.write(int(members[0]), rows, first)
    for member in members[1:]:
        target[member][rows] = first


class _Prepared:
    """A region made ready for a window: its tables cut to it, and its axes in the order of the layout."""

    def __init__(self, region: Region, metric: str, window: Window, layout: _Layout, planes: Array) -> None:
        chosen, at = inside(region, window)
        for axis in layout.outer:
            needed = np.isin(at[axis], planes)
            chosen[axis], at[axis] = chosen[axis][needed], at[axis][needed]
        self.size = prod(map(len, chosen))
        if not self.size:
            return
        kinds = [kind[some] for kind, some in zip(region.kinds(metric), chosen, strict=True)]
        spreads = {axis: _Spread(kinds[axis]) for axis in layout.columns}
        cut = [spreads[axis].firsts if axis in spreads else slice(None) for axis in range(len(chosen))]
        chosen = [some[part] for some, part in zip(chosen, cut, strict=True)]
        self.columns = [spreads[axis] for axis in layout.columns]
        self.at = [at[axis] for axis in layout.order]
        if not layout.outer:
            self.at = [np.zeros(1, dtype=np.intp), *self.at]
        shape = [len(self.at[0]), len(self.at[1]), *(len(spread.firsts) for spread in self.columns)]
        dtype = _dtype(region.bound(metric))
        self.sums = [
            _Sum([_cut(term, chosen, layout) for term in terms], shape, dtype) for terms in region.costs[metric]
        ]

    def write(self, plane: int, rows: slice, target: Array) -> None:
        """Put the region's values into its cells of some rows of a plane."""
        local = int(np.searchsorted(self.at[0], plane))
        low, high = np.searchsorted(self.at[1], (rows.start, rows.stop))
        if local == len(self.at[0]) or self.at[0][local] != plane or low == high:
            return
        result = self.sums[0].values(local, slice(low, high))
        for other in self.sums[1:]:
            np.maximum(result, other.values(local, slice(low, high)), out=result)
        for axis, spread in enumerate(self.columns, start=1):
            if len(spread.firsts) < len(spread.positions):
                result = result.take(spread.positions, axis=axis)
        inner = [self.at[1][low:high] - rows.start, *self.at[2:]]
        runs = tuple(slice(int(one[0]), int(one[-1]) + 1) for one in inner)
        unbroken = all(len(one) == run.stop - run.start for one, run in zip(inner, runs, strict=True))
        target[runs if unbroken else np.ix_(*inner)] = result


def _cut(term: Term, chosen: Sequence[Array], layout: _Layout) -> tuple[int, list[Array]]:
    """A term's tables at the values chosen, axes in the order of the layout."""
    cut = [taken(table, chosen).transpose(layout.order) for table in term.tables]
    return term.factor, [table if layout.outer else table[None] for table in cut]


class _Spread:
    """How the values along an axis follow from those that differ, which are numbered as they come.

    Spreading costs about as much as two or three products a cell, so that a few equal values are computed again.
    """

    def __init__(self, kinds: Array) -> None:
        self.firsts = np.sort(np.unique(kinds, return_index=True)[1])
        if len(kinds) < 4 * len(self.firsts):
            self.firsts = self.positions = np.arange(len(kinds))
            return
        places = np.empty(int(kinds.max()) + 1, dtype=np.intp)
        places[kinds[self.firsts]] = np.arange(len(self.firsts))
        self.positions = places[kinds]


class _Sum:
    """A sum of terms over planes, rows and columns: for each plane a product of two matrices."""

    def __init__(self, terms: Sequence[tuple[int, list[Array]]], shape: Sequence[int], dtype: Any) -> None:
        self.shape, self.dtype = tuple(shape), dtype
        profiles: dict[Any, Array] = {}
        grouped: dict[Any, list[tuple[Array, Array]]] = {}
        self.rest: list[list[Array]] = []
        for factor, tables in terms:
            along = [table for table in tables if table.shape[1] > 1]
            if any(table.size > shape[1] for table in along):  # a table over rows and another axis at once
                self.rest.append([np.array(factor, dtype=dtype), *(table.astype(dtype) for table in tables)])
                continue
            key = freeze_table(along[0]) if along else None
            profiles[key] = along[0].reshape(-1).astype(dtype) if along else np.ones(shape[1], dtype=dtype)
            grouped.setdefault(key, []).append(self._columns(factor, [t for t in tables if t.shape[1] == 1]))
        self.profiles = np.stack(list(profiles.values()), axis=1) if profiles else None
        self.columns = list(grouped.values())
        size = len(profiles) * shape[0] * prod(shape[2:])
        self.known = (
            np.stack([self._grouped(group) for group in self.columns], axis=1) if 0 < size < _BLOCK * 8 else None
        )

    def _columns(self, factor: int, tables: Sequence[Array]) -> tuple[Array, Array]:
        """A term without its rows: one number for each plane, and numbers for the columns (maybe of each plane)."""
        planes, columns = np.full(1, factor, dtype=self.dtype), np.ones(self.shape[2:], dtype=self.dtype)
        for table in tables:
            if table.size == table.shape[0]:
                planes = planes * table.reshape(-1).astype(self.dtype)
            else:
                columns = columns * table[:, 0].astype(self.dtype)
        return planes, columns.reshape(-1, prod(self.shape[2:]))

    def _grouped(self, group: Sequence[tuple[Array, Array]]) -> Array:
        """What the terms of one profile have in common: numbers for each plane and column."""
        shape = (self.shape[0], prod(self.shape[2:]))
        if self.dtype == np.float64 and all(len(columns) == 1 for _, columns in group):
            planes = np.stack([np.broadcast_to(planes, shape[:1]) for planes, _ in group], axis=1)
            return np.asarray(planes @ np.concatenate([columns for _, columns in group]))
        return np.broadcast_to(sum(planes[:, None] * columns for planes, columns in group), shape)

    def _at(self, plane: int) -> list[Array]:
        return [
            np.asarray(sum(columns[plane % len(columns)] * planes[plane % len(planes)] for planes, columns in group))
            for group in self.columns
        ]

    def values(self, plane: int, rows: slice) -> Array:
        """The sum at some rows of a plane, as an array of rows × columns."""
        height = rows.stop - rows.start
        total: Any = np.zeros((height, prod(self.shape[2:])), dtype=self.dtype) if self.profiles is None else None
        if self.profiles is not None:
            columns = self.known[plane] if self.known is not None else np.stack(self._at(plane))
            total = self.profiles[rows] @ columns
        total = total.reshape(height, *self.shape[2:])
        for tables in self.rest:
            product = tables[0]
            for table in tables[1:]:
                one = table[plane % len(table)]
                product = product * (one[rows] if len(one) > 1 else one)
            total = total + product
        return np.asarray(total)


def _dtype(bound: int) -> Any:
    if bound < EXACT_FLOAT:
        return np.float64
    return np.int64 if bound < LARGEST_INT64 else object
