"""Equal values in a grid: the role of each axis, and the first of its values of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from convcost.core.dims import Array
from convcost.space.space import DesignSpace

_PLANE = 2**16
"""Cells of the grid per kind of plane from which planes pay off: each kind costs the time of that many multiplications."""
ROWS, ROWS_OF_COPIED_PLANES, COLUMNS = 1.5, 2.5, 4.0
"""The mean number of equal values of an axis from which copying beats recomputing.

Rows of planes that are copied are computed in the cache; other rows are written to memory, best only once.
"""


class AxisRoles(NamedTuple):
    """The roles of the axes."""

    outer: tuple[int, ...]
    """The axis with the most equal planes, if it has enough of them."""
    rows: int
    columns: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        return (*self.outer, self.rows, *self.columns)


def layout_of(tables: DesignSpace, metric: str) -> AxisRoles:
    """Choose the role of each axis: the fewer products per cell, the better; an axis of one value makes poor rows."""
    axes = range(len(tables.shape))
    region = max(tables.regions, key=lambda region: prod(region.shape) if not region.reason else 0)
    if region.reason:
        return AxisRoles((), 0, tuple(axes[1:]))
    repeats = [len(kind) / (int(kind.max()) + 1) for kind in region.kinds(metric)]
    most = max(axes, key=lambda axis: repeats[axis])
    kinds = tables.shape[most] / repeats[most]
    outer = (most,) if repeats[most] >= 2 and len(axes) > 1 and tables.points >= kinds * _PLANE else ()
    inner = [axis for axis in axes if axis not in outer]
    profiles = region.profiles(metric)
    rows = min(inner, key=lambda axis: (tables.shape[axis] == 1, profiles[axis]))
    return AxisRoles(outer, rows, tuple(axis for axis in inner if axis != rows))


class Distinct:
    """An axis: the first value of each run of equal ones, and for each value its run.

    Values that are equal but apart stay two: the runs of a window are then never more than its values.

    >>> axis = Distinct(np.array([4, 4, 4, 7, 7, 4, 4, 4]), worth=2)
    >>> axis.firsts.tolist(), axis.within(slice(4, 6))
    ([0, 3, 5], Selected(needed=slice(1, 3, None), positions=array([0, 1])))
    """

    def __init__(self, kinds: Array, worth: float) -> None:
        begins = np.concatenate([[True], kinds[1:] != kinds[:-1]])
        self.firsts = np.flatnonzero(begins)
        self.positions: Array | None = np.cumsum(begins) - 1
        if len(kinds) < worth * len(self.firsts):
            self.firsts, self.positions = np.arange(len(kinds)), None

    def within(self, window: slice) -> Selected:
        """The part of the axis in a window that is not empty."""
        if self.positions is None:
            return Selected(window, None)
        positions = self.positions[window]
        low = int(positions[0])
        return Selected(slice(low, int(positions[-1]) + 1), positions - low)


class Selected(NamedTuple):
    """Some values of an axis: the distinct ones among them, and for each value its position among these."""

    needed: slice
    positions: Array | None
    """None if each is its own."""


def numbered(kinds: Array) -> tuple[Array, Array]:
    """The first position of each kind, ascending; and for each value the index of its kind."""
    _, first, inverse = np.unique(kinds, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[inverse]


def runs_of(kinds: Array) -> list[tuple[int, int, int]]:
    """The kinds along an axis as runs: a kind, where it begins, and where it ends."""
    ends = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    return [(int(kinds[low]), low, high) for low, high in pairwise(ends)]


def runs_within(runs: Sequence[tuple[int, int, int]], window: slice) -> dict[int, list[slice]]:
    """Each kind that a window has, ascending, with the ranges of places in the window where it is."""
    found: dict[int, list[slice]] = {}
    for kind, low, high in runs:
        if low < window.stop and high > window.start:
            place = slice(max(low, window.start) - window.start, min(high, window.stop) - window.start)
            found.setdefault(kind, []).append(place)
    return dict(sorted(found.items()))
