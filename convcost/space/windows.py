"""Windows: parts of a grid, in the order of its points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

Window = tuple[slice, ...]
"""A part of the grid: a range of values for each axis."""

PIECE = 2**20
"""Default number of points of a piece."""


def windows(shape: Sequence[int], size: int = PIECE) -> Iterator[Window]:
    """A grid cut into windows of at most `size` points, in the order of its points."""
    if prod(shape) <= size:
        yield tuple(slice(0, length) for length in shape)
        return
    inner = prod(shape[1:])
    if inner > size:
        for i in range(shape[0]):
            yield from ((slice(i, i + 1), *rest) for rest in windows(shape[1:], size))
        return
    step = size // inner
    for low in range(0, shape[0], step):
        yield (slice(low, min(low + step, shape[0])), *(slice(0, length) for length in shape[1:]))


Progress = Callable[[int], None]
