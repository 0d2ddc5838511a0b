"""Exact Pareto fronts.

A point is dominated if another one is at least as good in every objective and better in one. Points that are equal in
every objective do not dominate each other; of these the first is kept. Fronts merge associatively: the front of a
union is the front of the union of its parts' fronts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from convcost.core.dims import Array
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.reading import each

if TYPE_CHECKING:
    import pandas as pd


_SAMPLE = 4096
MOST_OBJECTIVES = 4


def pareto(
    points: pd.DataFrame | Mapping[str, Any], minimise: Sequence[str] | str = (), maximise: Sequence[str] | str = ()
) -> Any:
    """The Pareto front: the points that no other point dominates, in their order; of equal points the first.

    `points` is a DataFrame, or a mapping of names to columns; the result is of the same kind. One to four objectives.
    Raises `UsageError` for a column that does not exist, columns of different lengths, or one with a value that cannot
    be ordered (NaN, missing).

    >>> pareto({"macs": [300, 200, 250, 200], "top1": [72, 70, 69, 70]}, minimise="macs", maximise="top1")
    {'macs': [300, 200], 'top1': [72, 70]}
    """
    small, large = each(minimise), each(maximise)
    names = [*small, *large]
    if not 1 <= len(names) <= MOST_OBJECTIVES:
        raise UsageError(f"a front needs one to {MOST_OBJECTIVES} objectives, got {len(names)}")
    for name in names:
        if name not in points:
            raise UsageError(f"there is no column {name!r}{did_you_mean(str(name), map(str, points.keys()))}")
        if names.count(name) > 1:
            raise UsageError(f"{name} is an objective twice")
    if len({len(column) for column in dict(points).values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in points.items())
        raise UsageError(f"columns must be equally long, got {lengths}")
    found = front([objective(points[name], name, largest=name in large) for name in names])
    if hasattr(points, "iloc"):
        return points.iloc[found]
    return {name: [column[i] for i in found] for name, column in points.items()}


def objective(column: Any, name: str, *, largest: bool) -> Array:
    """A column as numbers to be minimised; raises `UsageError` if it cannot be ordered."""
    missing = column.isna().any() if hasattr(column, "isna") else np.ma.is_masked(column)
    if missing:
        raise UsageError(f"{name} has missing values; leave those points out first")
    values = np.asarray(column)
    if values.dtype.kind not in "iufbO":
        raise UsageError(f"{name} is not a column of numbers")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise UsageError(
            f"{name} has NaN, which is neither better nor worse than anything; leave those points out first"
        )
    values = _ordered(values, name)
    return -values if largest else values


def front(objectives: Sequence[Array]) -> Array:
    """Positions, ascending, of the non-dominated points; every objective is minimised.

    >>> front([np.array([3, 1, 2, 1]), np.array([1, 3, 4, 3])])
    array([0, 1])
    """
    if len(objectives[0]) == 0:
        return np.zeros(0, dtype=np.intp)
    kept = np.arange(len(objectives[0]))
    if len(kept) > 4 * _SAMPLE:
        kept = _culled(objectives)
    columns = [values[kept] for values in objectives]
    if len(columns) == 1:
        return kept[[int(np.argmin(columns[0]))]]
    found = _staircase(*columns) if len(columns) == 2 else _peeled(columns)
    return np.sort(kept[found])


def _staircase(x: Array, y: Array) -> Array:
    """For two objectives: the points that, in order of x, set a new minimum of y."""
    order = np.lexsort((y, x))
    lowest = np.minimum.accumulate(y[order])
    new = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    return np.asarray(order[new])


def _peeled(columns: Sequence[Array]) -> Array:
    """For any number of objectives: take the point with the least sum of ranks, drop what it dominates, repeat.

    Ranks keep the order, and their sums are exact; nothing dominates a point whose sum is least.
    """
    ranks = np.stack([np.unique(values, return_inverse=True)[1].ravel() for values in columns], axis=1)
    order = np.argsort(ranks.sum(axis=1), kind="stable")
    left, found = ranks[order], []
    while len(left):
        found.append(order[0])
        keep = (left < left[0]).any(axis=1)
        left, order = left[keep], order[keep]
    return np.array(found)


def _culled(objectives: Sequence[Array]) -> Array:
    """Positions without most of the dominated ones, found by comparing all points with a few good ones."""
    count = len(objectives[0])
    sample = np.linspace(0, count - 1, _SAMPLE, dtype=np.intp)
    columns = [values[sample] for values in objectives]
    if len(columns) == 1:
        return np.arange(count)
    if len(columns) == 2:
        stairs = _staircase(*columns)
        return np.flatnonzero(not_behind(columns[0][stairs], columns[1][stairs], *objectives))
    keep = np.ones(count, dtype=bool)
    stairs = _peeled(columns)
    scaled = sum(np.unique(values[stairs], return_inverse=True)[1].ravel() for values in columns)
    for i in stairs[np.argsort(scaled)[:12]]:
        worse = keep.copy()
        same = keep.copy()
        for values, column in zip(objectives, columns, strict=True):
            worse &= values >= column[i]
            same &= values == column[i]
        keep &= ~worse | same
    return np.flatnonzero(keep)


def not_behind(stairs_x: Array, stairs_y: Array, x: Array, y: Array) -> Array:
    """Whether points are not dominated by a staircase (ascending in x, descending in y); points on it are not."""
    step = np.searchsorted(stairs_x, x, side="right") - 1
    keep: Array = (step < 0) | (y <= stairs_y[step])
    return keep


def _ordered(values: Array, name: str) -> Array:
    """The values as int64 or float64 without loss, else as ranks."""
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind == "u":
        values = values.astype(object) if values.size and int(values.max()) >= 2**63 else values.astype(np.int64)
    if values.dtype.kind == "O":
        try:
            if any(value != value for value in values.tolist()):  # noqa: PLR0124  # NaN
                raise UsageError(f"{name} has NaN; leave those points out first")
            ordered = sorted(set(values.tolist()))
        except TypeError:
            raise UsageError(f"{name} is not a column of numbers") from None
        places = {value: i for i, value in enumerate(ordered)}
        return np.array([places[value] for value in values.tolist()], dtype=np.int64)
    if values.dtype.kind == "i" and values.size and int(values.min()) == -(2**63):
        return np.asarray(np.unique(values, return_inverse=True)[1].ravel())
    return values.astype(np.int64, copy=False) if values.dtype.kind == "i" else values
