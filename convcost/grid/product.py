"""Tables multiplied out: a metric made ready once, then any window of its grid at the speed of writing it to memory.

The terms of all regions are brought to one form, a table along one axis (the *rows*: usually the resolution) times
numbers for each *plane* and *column*, so that a block of the grid is one small matrix product, whatever regions it
crosses. Of values of an axis that cost the same only the first is worked on: equal rows and columns are copied within
the cache, and so are equal planes - depths that rounding makes equal. Products run in float64 where no partial sum can
reach 2^53, and are then exact integers whatever the order of summation; else in int64 below 2^63, else in Python's own
integers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise, zip_longest
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.grid.guards import LARGEST_INT64, Array
from convcost.grid.tables import Region, Tables, Term, freeze_table, taken

EXACT_FLOAT = 2**53
_BLOCK = 2**17
"""Cells worked on at once: 1 MiB."""
_PRODUCT = 2**18
"""Multiplications of a matrix product that a BLAS still does on one thread: ours are busy already."""
_KEPT = 2**20
"""Numbers of planes and columns that are kept ready; beyond, they are made for each window."""
_ROWS, _COLUMNS = 1.5, 4.0
"""How many values of an axis have to be equal to one, on average, before copying it beats computing it again."""

Window = tuple[slice, ...]
"""A part of the grid: a range of values for each axis."""


class Product:
    """A metric of a whole grid, ready to be multiplied out over any window of it."""

    def __init__(self, tables: Tables, metric: str) -> None:
        bound = tables.bound(metric)
        self.dtype: Any = np.int64 if bound < LARGEST_INT64 else object
        self.layout = _layout(tables, metric)
        kinds = [tables.kinds(axis, [metric]) for axis in self.layout.order]
        if not self.layout.outer:
            kinds.insert(0, np.zeros(1, dtype=np.intp))
        self.planes = _runs(kinds[0])
        self.columns = [_Line(kind, _COLUMNS) for kind in kinds[2:]]
        regions: dict[bytes, list[Region]] = {}
        for region in tables.regions:
            if not region.reason:
                regions.setdefault(region.box[self.layout.rows].tobytes(), []).append(region)
        chosen = [_numbered(kinds[0])[0], kinds[1], *(line.firsts for line in self.columns)]
        exact: Any = np.float64 if bound < EXACT_FLOAT else self.dtype
        self.bands = [_Band(some, metric, self.layout, chosen, exact) for some in regions.values()]

    def write(self, window: Window, out: Array) -> None:
        """Put the integers of a window into an array of its shape; 0 where no network can be built."""
        within, target = [window[axis] for axis in self.layout.order], out.transpose(self.layout.order)
        if not self.layout.outer:
            within, target = [slice(0, 1), *within], target[None]
        groups = _clipped(self.planes, within[0])
        columns = [line.within(part) for line, part in zip(self.columns, within[2:], strict=True)]
        cuts = [band.cut(np.array([*groups]), columns) for band in self.bands]
        height = max(1, _BLOCK // max(1, prod(target.shape[2:])))
        rows = [slice(low, min(low + height, target.shape[1])) for low in range(0, target.shape[1], height)]
        strips = [(some, _strip(some, within[1].start, cuts)) for some in rows]
        blocks = [(plane, runs, *strip) for plane, runs in enumerate(groups.values()) for strip in strips]
        todo = iter(sorted(blocks, key=lambda block: -sum(run.stop - run.start for run in block[1])))

        def run() -> None:
            for plane, runs, rows, parts in todo:  # whoever is free takes the next one, long ones first
                first = target[runs[0].start, rows]
                _fill(first, plane, parts)
                for equal in (slice(runs[0].start + 1, runs[0].stop), *runs[1:]):
                    # Copies as an operation: moving memory takes a third longer where planes are not aligned.
                    np.positive(first, out=target[equal, rows])

        _on_threads(run, min(len(blocks), _threads()) if out.size >= 4 * _BLOCK else 1)


def _runs(kinds: Array) -> list[tuple[int, int, int]]:
    """The kinds along an axis as runs: a kind, where it begins, and where it ends."""
    ends = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    return [(int(kinds[low]), low, high) for low, high in pairwise(ends)]


def _clipped(runs: Sequence[tuple[int, int, int]], window: slice) -> dict[int, list[slice]]:
    """Each kind that a window has, ascending, with the ranges of places in the window where it is."""
    found: dict[int, list[slice]] = {}
    for kind, low, high in runs:
        if low < window.stop and high > window.start:
            place = slice(max(low, window.start) - window.start, min(high, window.stop) - window.start)
            found.setdefault(kind, []).append(place)
    return dict(sorted(found.items()))


class _Kept(threading.local):
    """Arrays that each thread keeps to work in: to get new memory each time takes as long as to fill it."""

    def __init__(self) -> None:
        self.arrays: dict[Any, Array] = {}

    def array(self, use: str, shape: Sequence[int], dtype: Any) -> Array:
        """An array of some size to write into, which lasts until the same use of it in this thread."""
        size = prod(shape)
        if size > _BLOCK:
            return np.empty(shape, dtype=dtype)
        if (use, dtype) not in self.arrays:
            self.arrays[use, dtype] = np.empty(_BLOCK, dtype=dtype)
        return self.arrays[use, dtype][:size].reshape(shape)


_KEPT_BY_THREAD = _Kept()


def _on_threads(run: Callable[[], None], threads: int) -> None:
    """The same function on several threads, this one among them."""
    others = [_pool().submit(run) for _ in range(threads - 1)]
    try:
        run()
    finally:
        for other in others:
            other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that stay, for the next window."""
    return ThreadPoolExecutor(max(1, _threads() - 1), "convcost")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not outlive a fork


def _threads() -> int:
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class _Part(NamedTuple):
    """Those rows of a strip that are a band's."""

    cut: _Cut
    needed: slice
    """Which of the band's rows that differ."""
    positions: Array | None
    """For each row its place among them; None if each is its own."""
    at: Array | None
    """Where in the strip the rows are; None if they are all of it."""


def _strip(rows: slice, start: int, cuts: Sequence[_Cut]) -> list[_Part]:
    """What some rows of a window, which starts at a row of the grid, are made of."""
    found = []
    for cut in cuts:
        own = cut.band.rows
        low, high = (int(at) for at in np.searchsorted(own, (rows.start + start, rows.stop + start)))
        if low < high:
            needed, positions = cut.band.line.within(slice(low, high))
            whole = high - low == rows.stop - rows.start
            found.append(_Part(cut, needed, positions, None if whole else own[low:high] - start - rows.start))
    return found


def _fill(target: Array, plane: int, parts: Sequence[_Part]) -> None:
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


class _Layout(NamedTuple):
    """The parts that the axes play."""

    outer: tuple[int, ...]
    """The axis with most equal planes, if it has enough of them."""
    rows: int
    columns: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        return (*self.outer, self.rows, *self.columns)


def _layout(tables: Tables, metric: str) -> _Layout:
    """Choose the part of each axis: the fewer products a cell takes, the better; a single value makes poor rows."""
    axes = range(len(tables.shape))
    region = max(tables.regions, key=lambda region: prod(region.shape) if not region.reason else 0)
    if region.reason:
        return _Layout((), 0, tuple(axes[1:]))
    repeats = [len(kind) / (int(kind.max()) + 1) for kind in region.kinds(metric)]
    most = max(axes, key=lambda axis: repeats[axis])
    outer = (most,) if repeats[most] >= 2 and len(axes) > 1 else ()
    inner = [axis for axis in axes if axis not in outer]
    rows = min(inner, key=lambda axis: (tables.shape[axis] == 1, region.profiles(metric)[axis]))
    return _Layout(outer, rows, tuple(axis for axis in inner if axis != rows))


class _Line:
    """An axis: which of its values differ, and how the others follow from them."""

    def __init__(self, kinds: Array, worth: float) -> None:
        self.firsts, positions = _numbered(kinds)
        self.positions: Array | None = positions
        if len(kinds) < worth * len(self.firsts):
            self.firsts, self.positions = np.arange(len(kinds)), None

    def within(self, window: slice) -> _Within:
        """The part of the axis in a window that is not empty."""
        if self.positions is None:
            return _Within(window, None)
        positions = self.positions[window]
        low = int(positions.min())
        return _Within(slice(low, int(positions.max()) + 1), positions - low)


class _Within(NamedTuple):
    """Some values of an axis: which ones of those that differ they need, and for each its place among them."""

    needed: slice
    positions: Array | None
    """None if each is its own."""


def _numbered(kinds: Array) -> tuple[Array, Array]:
    """Where each kind comes first, ascending; and for each value, which of these it equals."""
    _, first, inverse = np.unique(kinds, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[inverse]


class _Band:
    """Regions that have the same rows, as sums over all planes and columns, the largest of which counts."""

    def __init__(
        self, regions: Sequence[Region], metric: str, layout: _Layout, chosen: Sequence[Array], dtype: Any
    ) -> None:
        self.rows = regions[0].box[layout.rows]
        self.line = _Line(chosen[1][self.rows], _ROWS)
        chosen = [chosen[0], self.rows[self.line.firsts], *chosen[2:]]
        shape = tuple(map(len, chosen))
        pieces = [_pieces(region, metric, layout, chosen, dtype) for region in regions]
        self.sums = [_Sum([one for one in some if one], shape, dtype) for some in zip_longest(*pieces)]

    def cut(self, planes: Array, columns: Sequence[_Within]) -> _Cut:
        """The band made ready for some kinds of planes and some columns."""
        needed = tuple(column.needed for column in columns)
        return _Cut(self, [one.cut(planes, needed) for one in self.sums], [column.positions for column in columns])


class _Cut:
    """A band at the planes and columns of a window."""

    def __init__(self, band: _Band, sums: Sequence[_Factors], columns: Sequence[Array | None]) -> None:
        self.band, self.sums, self.columns = band, sums, columns

    def values(self, plane: int, rows: slice, dtype: Any) -> Array:
        """Some of the rows that differ, at every column of the window."""
        values = self.sums[0].values(plane, rows, "largest")
        for other in self.sums[1:]:
            np.maximum(values, other.values(plane, rows, "other"), out=values)
        if values.dtype != dtype:
            integers = _KEPT_BY_THREAD.array("integers", values.shape, dtype)
            np.copyto(integers, values, casting="unsafe")  # exact: all are integers below 2^53
            values = integers
        for axis, positions in reversed([*enumerate(self.columns, start=1)]):
            if positions is not None:
                values = values.take(positions, axis=axis)
        return values


class _Sum:
    """A sum of terms of several regions, each zero outside its own planes and columns."""

    def __init__(self, pieces: Sequence[_Piece], shape: Sequence[int], dtype: Any) -> None:
        self.pieces, self.dtype = pieces, dtype
        profiles = {key: profile for piece in pieces for key, profile in piece.profiles.items()}
        self.profiles, combined = _independent([*profiles.values()], shape[1], dtype)
        self.combined = dict(zip(profiles, combined, strict=True))
        self.kept: Array | None = None
        if shape[0] * self.profiles.shape[1] * prod(shape[2:]) <= _KEPT:
            self.kept = self._matrices(np.arange(shape[0]), tuple(slice(0, size) for size in shape[2:]))

    def cut(self, planes: Array, columns: tuple[slice, ...]) -> _Factors:
        """The sum at some kinds of planes and some columns."""
        if self.kept is None:
            matrices = self._matrices(planes, columns)
        else:
            matrices = self.kept[(slice(None), slice(None), *columns)]
            matrices = matrices if len(planes) == len(matrices) else matrices[planes]
        added = [rest for piece in self.pieces for rest in piece.rest(planes, columns)]
        return _Factors(self.profiles, matrices, added)

    def _matrices(self, planes: Array, columns: tuple[slice, ...]) -> Array:
        """For each plane, profile and column a number."""
        sizes = [part.stop - part.start for part in columns]
        found = np.zeros((len(planes), self.profiles.shape[1], *sizes), dtype=self.dtype)
        for piece in self.pieces:
            where = piece.within(planes, columns)
            for key, numbers in piece.numbers(where):
                for profile, factor in self.combined[key]:
                    found[np.ix_(where.planes, [profile], *where.columns)] += (factor * numbers)[:, None]
        return found


def _independent(tables: Sequence[Array], rows: int, dtype: Any) -> tuple[Array, list[list[tuple[int, int]]]]:
    """Tables along the rows of which no other is a sum, as columns; and each table as such a sum of them.

    Factors of a sum are whole and positive, so that no partial sum grows by it; each sum is checked to be exact.
    """
    kept: list[Array] = []
    sums: dict[int, list[tuple[int, int]]] = {}
    for i in sorted(range(len(tables)), key=lambda i: int(np.abs(tables[i]).max())):
        found = _as_sum(tables[i], kept)
        if found is None:
            found = [(len(kept), 1)]
            kept.append(tables[i])
        sums[i] = found
    matrix = np.stack(kept, axis=1) if kept else np.zeros((rows, 0), dtype=dtype)
    return matrix, [sums[i] for i in range(len(tables))]


def _as_sum(table: Array, others: Sequence[Array]) -> list[tuple[int, int]] | None:
    """A table as a sum of others, if it is one; not looked for beyond float64."""
    if not table.any():
        return []
    if table.dtype != np.float64 or not others or min(one.min() for one in others) < 0:
        return None
    matrix = np.stack(others, axis=1)
    scales = matrix.max(axis=0)
    factors = np.rint(np.linalg.lstsq(matrix / scales, table, rcond=None)[0] / scales)
    if factors.min() < 0 or not np.array_equal(matrix @ factors, table):
        return None
    return [(j, int(factor)) for j, factor in enumerate(factors) if factor]


class _Factors:
    """A sum at the planes and columns of a window: for each plane a product of two matrices."""

    def __init__(self, profiles: Array, matrices: Array, added: Sequence[_Rest]) -> None:
        self.profiles, self.added = profiles, added
        self.shape = matrices.shape[2:]
        self.matrices = matrices.reshape(*matrices.shape[:2], prod(self.shape))

    def values(self, plane: int, rows: slice, use: str) -> Array:
        """The sum at some rows of a plane, as an array of rows and columns that this thread keeps for a use."""
        left, right = self.profiles[rows], self.matrices[plane]
        found = _KEPT_BY_THREAD.array(use, (len(left), right.shape[1]), right.dtype)
        height = max(1, _PRODUCT // max(1, right.size))
        for low in range(0, len(left), height):
            np.matmul(left[low : low + height], right, out=found[low : low + height])
        found = found.reshape(-1, *self.shape)
        for rest in self.added:
            rest.add(plane, rows, found)
        return found


class _Place(NamedTuple):
    """Where a region lies among some planes and columns, and which of its own those are."""

    planes: Array
    columns: tuple[Array, ...]
    own_planes: Array
    own_columns: tuple[slice, ...]


class _Piece:
    """A sum of terms of one region, grouped by their table along the rows."""

    def __init__(self, at: Sequence[Array], terms: Sequence[tuple[int, list[Array]]], rows: int, dtype: Any) -> None:
        self.planes, self.columns = at[0], tuple(at[1:])
        self.dtype = dtype
        self.profiles: dict[Any, Array] = {}
        self.groups: dict[Any, list[tuple[Array, Array]]] = {}
        self.others: list[list[Array]] = []
        for factor, tables in terms:
            along = [table for table in tables if table.shape[1] > 1]
            if any(table.size > rows for table in along) or len(along) > 1:  # over rows and another axis at once
                self.others.append([np.array(factor, dtype=dtype), *(table.astype(dtype) for table in tables)])
                continue
            key = freeze_table(along[0]) if along else None
            self.profiles[key] = along[0].reshape(-1).astype(dtype) if along else np.ones(rows, dtype=dtype)
            self.groups.setdefault(key, []).append(self._apart(factor, [t for t in tables if t.shape[1] == 1]))

    def _apart(self, factor: int, tables: Sequence[Array]) -> tuple[Array, Array]:
        """A term without its rows: one number for each plane, and numbers for the columns (maybe of each plane)."""
        planes = np.full(1, factor, dtype=self.dtype)
        columns = np.ones([1] * (1 + len(self.columns)), dtype=self.dtype)
        for table in tables:
            if table.size == table.shape[0]:
                planes = planes * table.reshape(-1).astype(self.dtype)
            else:
                columns = columns * table[:, 0].astype(self.dtype)
        return planes, columns

    def within(self, planes: Array, columns: tuple[slice, ...]) -> _Place:
        """Where the piece lies among some planes and columns."""
        ranges = [
            np.searchsorted(own, (part.start, part.stop)) for own, part in zip(self.columns, columns, strict=True)
        ]
        return _Place(
            np.flatnonzero(np.isin(planes, self.planes)),
            tuple(own[low:high] - part.start for own, (low, high), part in zip(self.columns, ranges, columns)),
            np.flatnonzero(np.isin(self.planes, planes)),
            tuple(slice(int(low), int(high)) for low, high in ranges),
        )

    def numbers(self, where: _Place) -> Iterator[tuple[Any, Array]]:
        """For each profile what its terms have in common: a number for each plane and column of a place."""
        shape = (len(where.planes), *map(len, where.columns))
        for key, group in self.groups.items():
            terms = [
                (_some(planes, (where.own_planes,)), _some(columns, (where.own_planes, *where.own_columns)))
                for planes, columns in group
            ]
            if self.dtype == np.float64 and all(len(columns) == 1 for _, columns in terms):
                left = np.stack([np.broadcast_to(planes, shape[:1]) for planes, _ in terms], axis=1)
                right = [np.broadcast_to(columns[0], shape[1:]).reshape(-1) for _, columns in terms]
                yield key, (left @ np.stack(right)).reshape(shape)
            else:
                inner = (-1, *[1] * len(where.columns))
                total = sum(planes.reshape(inner) * columns for planes, columns in terms)
                yield key, np.broadcast_to(total, shape)

    def rest(self, planes: Array, columns: tuple[slice, ...]) -> Iterator[_Rest]:
        """Terms that no product of matrices has."""
        if self.others:
            where = self.within(planes, columns)
            for factors in self.others:
                own = (where.own_planes, slice(None), *where.own_columns)
                yield _Rest(where, [_some(factor, own) if factor.ndim else factor for factor in factors])


class _Rest(NamedTuple):
    """A term that varies over rows and another axis at once: the product of its factors, cell by cell."""

    where: _Place
    factors: Sequence[Array]

    def add(self, plane: int, rows: slice, found: Array) -> None:
        """Add the term to the cells that it has in some rows of a plane."""
        local = np.flatnonzero(self.where.planes == plane)
        if not len(local):
            return
        total: Any = 1
        for factor in self.factors:
            if factor.ndim:
                one = factor[int(local[0]) % len(factor)]
                total = total * (one[rows] if len(one) > 1 else one)
            else:
                total = total * factor
        found[np.ix_(np.arange(len(found)), *self.where.columns)] += total


def _some(table: Array, chosen: Sequence[Any]) -> Array:
    """A part of a table along each axis that it varies along."""
    for axis, part in enumerate(chosen):
        if table.shape[axis] > 1:
            table = table[(slice(None),) * axis + (part,)]
    return table


def _pieces(region: Region, metric: str, layout: _Layout, chosen: Sequence[Array], dtype: Any) -> list[_Piece]:
    """A region's sums at the chosen planes, rows and columns."""
    axes = dict(zip(layout.order, chosen if layout.outer else chosen[1:], strict=True))
    local = [np.searchsorted(region.box[axis], np.intersect1d(axes[axis], region.box[axis])) for axis in sorted(axes)]
    at = [np.flatnonzero(np.isin(axes[axis], region.box[axis])) for axis in (*layout.outer, *layout.columns)]
    if not layout.outer:
        at.insert(0, np.zeros(1, dtype=np.intp))
    return [
        _Piece(at, [_cut(term, local, layout) for term in terms], len(chosen[1]), dtype)
        for terms in region.costs[metric]
    ]


def _cut(term: Term, chosen: Sequence[Array], layout: _Layout) -> tuple[int, list[Array]]:
    """A term's tables at the values chosen, axes in the order of the layout."""
    cut = [taken(table, chosen).transpose(layout.order) for table in term.tables]
    return term.factor, [table if layout.outer else table[None] for table in cut]
