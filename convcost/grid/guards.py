"""What keeps numbers over a grid right: 64 bits never wrap, memory stays bounded, and where points differ they part."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
LARGEST_INT64 = 2**63
EXACT_FLOAT = 2**53
"""Whole numbers up to here are told apart by doubles, and so by the numbers of JavaScript."""
MOST_DENSE = 2**22
"""Elements of an array over several axes at once; beyond, the grid is split."""


class Split(Exception):
    """The grid must be split: points whose labels differ cannot be treated as one."""

    def __init__(self, labels: Array) -> None:
        super().__init__("points differ")
        self.labels = labels
        """An array over the grid (length 1 along axes that play no part)."""


def settled(array: Array) -> bool:
    """The truth value that holds at all points; splits the grid where they differ."""
    if array.all():
        return True
    if array.any():
        raise Split(array)
    return False


def wide(reach: int, *arrays: Any) -> tuple[Any, ...]:
    """The arrays as they are if nothing beyond `reach` can come out of them, else as Python's own integers."""
    if reach < LARGEST_INT64:
        return arrays
    return tuple(one.astype(object) if isinstance(one, np.ndarray) else one for one in arrays)


def bearable(*arrays: Any) -> None:
    """Split the grid where multiplying out would take too much memory."""
    shapes = {one.shape for one in arrays if isinstance(one, np.ndarray)}
    if len(shapes) < 2:
        return
    shape = tuple(map(max, *shapes))
    if prod(shape) > MOST_DENSE:
        longest = int(np.argmax(shape))
        labels = (np.arange(shape[longest]) >= shape[longest] // 2).reshape(
            [-1 if i == longest else 1 for i in range(len(shape))]
        )
        raise Split(labels)


def plain(value: Fraction) -> int | Fraction:
    """An int where the value is integral."""
    return value.numerator if value.denominator == 1 else value
