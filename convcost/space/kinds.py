"""Values of an axis that are alike: told apart by what they are, never by a hash of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from convcost.core.dims import Array

_AT_ONCE = 2**22
"""The most numbers that are compared at once, but for an array that has more."""


def kinds_along(axis: int, arrays: Iterable[Array], size: int) -> Array:
    """For each value of an axis the number of its kind: equal where all arrays are equal.

    >>> kinds_along(0, [np.array([7, 7, 9]), np.array([1, 1, 1])], 3).tolist()
    [0, 0, 1]
    """
    kinds: Array = np.zeros(size, dtype=np.intp)
    some: list[Array] = []
    for array in arrays:
        if array.shape[axis] > 1:
            some.append(np.moveaxis(array, axis, 0).reshape(size, -1))
            if sum(column.size for column in some) > _AT_ONCE:
                kinds, some = _kinds([kinds[:, None], *some]), []
    return _kinds([kinds[:, None], *some]) if some else kinds


def _kinds(columns: Sequence[Array]) -> Array:
    """For each row the number of its kind, in the order in which they come."""
    if not columns[0].any():
        columns = columns[1:]
    if any(column.dtype == object for column in columns):
        seen: dict[Any, int] = {}
        every = zip(*(map(tuple, column.tolist()) for column in columns), strict=True)
        return np.array([seen.setdefault(row, len(seen)) for row in every], dtype=np.intp)
    rows = np.concatenate(columns, axis=1)
    single = rows.shape[1] == 1  # as rows, numbers take several times as long
    _, first, kinds = np.unique(rows, axis=None if single else 0, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))  # numbered in the order of the axis
    return order[kinds.ravel()]
