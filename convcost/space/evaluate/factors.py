"""The terms of regions as factors: a table along the rows of a grid, times a number for each plane and column.

For each plane, the sum of all terms of all regions is then one product of two matrices. In doubles it is the sum plus
2^52: the lowest 52 bits of such a double are the integer, so that a bit mask extracts it in place, without conversion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from math import prod
from operator import mul as multiply
from typing import Any, NamedTuple

import numpy as np

from convcost.core.dims import Array
from convcost.space.evaluate.repeats import AxisRoles
from convcost.space.evaluate.threads import SCRATCH
from convcost.space.space import Region, TableTerm, freeze_table, taken

OFFSET = 2**52
"""The offset of sums in doubles; costs below it are then exact, as no partial sum reaches 2^53."""
_PRODUCT = 2**18
"""Multiplications of a matrix product that a BLAS still does on one thread: ours are busy already."""
_SAMPLED = 256
"""Rows from which a profile is guessed to be a sum of others; the guess is then verified."""
_TRIED = 64
"""The most profiles for which it is tried; no network of the zoo has half as many."""
_KEPT = 2**20
"""The most numbers of planes and columns that are cached; beyond, they are computed for each window."""


class FactoredSum:
    """A sum of terms of several regions, each zero outside its own planes and columns."""

    def __init__(self, regions: Sequence[RegionSum], shape: Sequence[int], dtype: Any) -> None:
        self.regions, self.dtype = regions, dtype
        profiles: dict[Any, Array] = {}
        if dtype == np.float64:
            profiles[None] = np.ones(shape[1])  # what is the same in all rows, and the offset
        for one in regions:
            profiles |= one.profiles
        stacked = np.stack([*profiles.values()], axis=1) if profiles else np.zeros((shape[1], 0), dtype=dtype)
        self.profiles, shares = fewest(stacked)
        self.shares = dict(zip(profiles, shares, strict=True))
        self.kept: Array | None = None
        if shape[0] * self.profiles.shape[1] * prod(shape[2:]) <= _KEPT:
            self.kept = self._matrices(np.arange(shape[0]), tuple(slice(0, size) for size in shape[2:]))

    def cut(self, planes: Array, columns: tuple[slice, ...]) -> Factors:
        """The sum at some kinds of planes and some columns."""
        if self.kept is None:
            matrices = self._matrices(planes, columns)
        else:
            matrices = self.kept[(slice(None), slice(None), *columns)]
            matrices = matrices if len(planes) == len(matrices) else matrices[planes]
        added = [term for one in self.regions for term in one.mixed_terms(planes, columns)]
        return Factors(self.profiles, matrices, added)

    def _matrices(self, planes: Array, columns: tuple[slice, ...]) -> Array:
        """For each plane, profile and column a number."""
        sizes = [part.stop - part.start for part in columns]
        found = np.zeros((len(planes), self.profiles.shape[1], *sizes), dtype=self.dtype)
        if self.dtype == np.float64:
            found += OFFSET * self.shares[None].reshape(-1, *[1] * len(columns))
        for one in self.regions:
            where = one.within(planes, columns)
            for key, numbers in one.coefficients(where):
                for i in np.flatnonzero(self.shares[key]):
                    found[np.ix_(where.planes, np.array([i]), *where.columns)] += self.shares[key][i] * numbers[:, None]
        return found


def fewest(profiles: Array) -> tuple[Array, Array]:
    """A few columns of which all columns are sums, and for each column the multiplicity of each of them.

    Each region collects its own like terms: one has the areas of two stages, another only the sum of both. The fewer
    columns there are, the smaller the products. Multiplicities are whole; they and the profiles are not negative, so
    that no partial sum exceeds the total. If a profile is negative, or there are too many, all stay as they are.

    >>> first, second = np.array([1.0, 4, 9]), np.array([1.0, 1, 4])
    >>> columns, shares = fewest(np.stack([first, 3 * first + 2 * second, second], axis=1))
    >>> columns.T.tolist()
    [[1.0, 1.0, 4.0], [1.0, 4.0, 9.0]]
    >>> shares.tolist()
    [[0.0, 1.0], [2.0, 3.0], [1.0, 0.0]]
    """
    count = profiles.shape[1]
    shares = np.eye(count, dtype=profiles.dtype)
    if profiles.dtype != np.float64 or not 1 < count <= _TRIED or profiles.min() < 0:
        return profiles, shares
    sample = profiles[np.linspace(0, len(profiles) - 1, min(len(profiles), _SAMPLED)).astype(np.intp)]
    first, *others = (int(i) for i in np.argsort(profiles.sum(axis=0), kind="stable"))
    chosen = [first]
    for i in others:
        found = np.rint(np.linalg.lstsq(sample[:, chosen], sample[:, i])[0]).clip(0)
        if all(np.array_equal(rows[:, chosen] @ found, rows[:, i]) for rows in (sample, profiles)):
            shares[i, i], shares[i, chosen] = 0, found
        else:
            chosen.append(i)
    return profiles[:, chosen], shares[:, chosen]


class Factors:
    """A sum at the planes and columns of a window: for each plane a product of two matrices."""

    def __init__(self, profiles: Array, matrices: Array, added: Sequence[MixedTerm]) -> None:
        self.profiles, self.added = profiles, added
        self.shape = matrices.shape[2:]
        self.matrices = matrices.reshape(*matrices.shape[:2], prod(self.shape))
        self.low_bits = low_bits(profiles, self.matrices)

    def write(self, plane: int, rows: slice, out: Array) -> None:
        """Write the sum at some rows of a plane into a contiguous array of integers, of rows and columns."""
        left, right = self.profiles[rows], self.matrices[plane]
        found = out.view(right.dtype)
        flat = found.reshape(len(left), right.shape[1])
        if self.low_bits:
            _multiply_halves(left, right, self.low_bits, flat)
        else:
            _multiply(left, right, flat)
        for term in self.added:
            term.add(plane, rows, found)
        if right.dtype == np.float64:
            np.bitwise_and(out, OFFSET - 1, out=out)


def low_bits(profiles: Array, matrices: Array) -> int:
    """How many bits of the numbers of matrices to multiply apart, so that both products of the halves are exact in doubles.

    0 where one product is taken: of doubles, which are exact, or of what no halves are exact of. Sums are below 2^63.

    >>> low_bits(np.array([[2**20, 2**20]]), np.array([[[2**40], [3]]]))  # 2^32 times the sum of both is 2^53
    32
    """
    if profiles.dtype != np.int64 or not profiles.size or not matrices.size:
        return 0
    if profiles.min() < 0 or matrices.min() < 0:
        return 0
    largest = sum(profiles.max(axis=0).tolist())
    bits = 53 - max(1, largest - 1).bit_length()
    return bits if bits >= 10 else 0  # sums of the other halves are below 2^63 / 2^bits


def _multiply_halves(left: Array, right: Array, bits: int, out: Array) -> None:
    """A product of two matrices of integers as two of doubles, which take a fraction of the time."""
    doubles = left.astype(np.float64)
    half = SCRATCH.array("half", out.shape, np.float64)
    _multiply(doubles, (right >> bits).astype(np.float64), half)
    np.copyto(out, half, casting="unsafe")
    np.left_shift(out, bits, out=out)
    _multiply(doubles, (right & (2**bits - 1)).astype(np.float64), half)
    np.add(out, half, out=out, casting="unsafe", dtype=np.int64)


def _multiply(left: Array, right: Array, out: Array) -> None:
    height = max(1, min(len(left), _PRODUCT // max(1, right.size)))
    even = len(left) - len(left) % height
    # All but a rest in one call: that other threads take turns between calls costs more than a small product.
    np.matmul(_in_parts(left[:even], height), right, out=_in_parts(out[:even], height))
    if even < len(left):
        np.matmul(left[even:], right, out=out[even:])


def _in_parts(matrix: Array, height: int) -> Array:
    """A matrix as a stack of matrices of some of its rows."""
    return matrix.reshape(len(matrix) // height, height, matrix.shape[1])


class Overlap(NamedTuple):
    """The planes and columns of a region among selected ones, and their positions in the region."""

    planes: Array
    columns: tuple[Array, ...]
    own_planes: Array
    own_columns: tuple[slice, ...]


class RegionSum:
    """A sum of terms of one region, grouped by their table along the rows."""

    def __init__(self, at: Sequence[Array], terms: Sequence[tuple[int, list[Array]]], rows: int, dtype: Any) -> None:
        self.planes, self.columns = at[0], tuple(at[1:])
        self.dtype = dtype
        self.profiles: dict[Any, Array] = {}
        self.groups: dict[Any, list[tuple[Array, list[Array]]]] = {}
        self.mixed: list[list[Array]] = []
        for factor, tables in terms:
            along = [table for table in tables if table.shape[1] > 1]
            if any(table.size > rows for table in along) or len(along) > 1:  # over rows and another axis at once
                self.mixed.append([np.array(factor, dtype=dtype), *(table.astype(dtype) for table in tables)])
                continue
            key = freeze_table(along[0]) if along else None
            self.profiles[key] = along[0].ravel().astype(dtype) if along else np.ones(rows, dtype=dtype)
            self.groups.setdefault(key, []).append(self._apart(factor, [t for t in tables if t.shape[1] == 1]))

    def _apart(self, factor: int, tables: Sequence[Array]) -> tuple[Array, list[Array]]:
        """A term without its rows: one number for each plane, and numbers for the columns (maybe of each plane).

        These are factors that are multiplied now where that takes little memory, else for each window.
        """
        planes = np.full(1, factor, dtype=self.dtype)
        columns = [np.ones([1] * (1 + len(self.columns)), dtype=self.dtype)]
        for table in tables:
            if table.size == table.shape[0]:
                planes = planes * table.ravel().astype(self.dtype)
                continue
            one = table[:, 0].astype(self.dtype)
            if prod(np.broadcast_shapes(columns[-1].shape, one.shape)) <= max(_KEPT, one.size):
                columns[-1] = columns[-1] * one
            else:
                columns.append(one)
        return planes, columns

    def within(self, planes: Array, columns: tuple[slice, ...]) -> Overlap:
        """The overlap of the region with some planes and columns."""
        ranges = [
            np.searchsorted(own, (part.start, part.stop)) for own, part in zip(self.columns, columns, strict=True)
        ]
        return Overlap(
            np.flatnonzero(np.isin(planes, self.planes)),
            tuple(own[low:high] - part.start for own, (low, high), part in zip(self.columns, ranges, columns)),
            np.flatnonzero(np.isin(self.planes, planes)),
            tuple(slice(int(low), int(high)) for low, high in ranges),
        )

    def coefficients(self, where: Overlap) -> Iterator[tuple[Any, Array]]:
        """For each profile what its terms have in common: a number for each plane and column of a place."""
        shape = (len(where.planes), *map(len, where.columns))
        for key, group in self.groups.items():
            own = (where.own_planes, *where.own_columns)
            terms = [
                (_some(planes, own[:1]), reduce(multiply, (_some(factor, own) for factor in columns)))
                for planes, columns in group
            ]
            if self.dtype == np.float64 and all(len(columns) == 1 for _, columns in terms):
                left = np.stack([np.broadcast_to(planes, shape[:1]) for planes, _ in terms], axis=1)
                right = [np.broadcast_to(columns[0], shape[1:]).ravel() for _, columns in terms]
                yield key, (left @ np.stack(right)).reshape(shape)
            else:
                inner = (-1, *[1] * len(where.columns))
                total = sum(planes.reshape(inner) * columns for planes, columns in terms)
                yield key, np.broadcast_to(total, shape)

    def mixed_terms(self, planes: Array, columns: tuple[slice, ...]) -> Iterator[MixedTerm]:
        """Terms that cannot be part of a matrix product."""
        if self.mixed:
            where = self.within(planes, columns)
            for factors in self.mixed:
                own = (where.own_planes, slice(None), *where.own_columns)
                yield MixedTerm(where, [_some(factor, own) if factor.ndim else factor for factor in factors])


class MixedTerm(NamedTuple):
    """A term with a table over rows and another axis at once: the product of its factors, element-wise."""

    where: Overlap
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


def region_sums(region: Region, metric: str, layout: AxisRoles, chosen: Sequence[Array], dtype: Any) -> list[RegionSum]:
    """A region's sums at the chosen planes, rows and columns."""
    axes = dict(zip(layout.order, chosen if layout.outer else chosen[1:], strict=True))
    local = [np.flatnonzero(np.isin(region.box[axis], axes[axis])) for axis in sorted(axes)]
    at = [np.flatnonzero(np.isin(axes[axis], region.box[axis])) for axis in (*layout.outer, *layout.columns)]
    if not layout.outer:
        at.insert(0, np.zeros(1, dtype=np.intp))
    return [
        RegionSum(at, [_cut(term, local, layout) for term in terms], len(chosen[1]), dtype)
        for terms in region.costs[metric]
    ]


def _cut(term: TableTerm, chosen: Sequence[Array], layout: AxisRoles) -> tuple[int, list[Array]]:
    """A term's tables at the values chosen, axes in the order of the layout."""
    cut = [taken(table, chosen).transpose(layout.order) for table in term.tables]
    return term.factor, [table if layout.outer else table[None] for table in cut]
