"""The greedy memory planner of TensorFlow Lite Micro: buffers by size, each in the first gap among those alive with it.

Its rule (`micro/memory_planner/greedy_memory_planner.cc`): the largest buffer first, of equal ones the one that was added
last; each goes to the lowest address at which a gap between those already placed, and alive together with it, holds it.
Buffers whose offset the file states come before all others, and stay where the file puts them.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.dims import LARGEST_INT64, Array
from convcost.core.errors import UsageError
from convcost.core.units import exact

ALIGNMENT = 16
"""Every buffer takes a multiple of this many bytes."""
ONLINE = -1
"""In place of an offset: the planner chooses it."""
MOST_PLACED = 20_000
"""Buffers of one plan, each of which looks at all that lie there already: so many take about two seconds."""


def placed(
    sizes: Sequence[int], first: Sequence[int], last: Sequence[int], offline: Sequence[int] | None = None
) -> list[int]:
    """The offset of each buffer, which is alive from `first` to `last`, both inclusive.

    Sizes are taken as they are; the runtime rounds them up to `ALIGNMENT` before it asks. `offline` are the offsets that a
    file states, `ONLINE` where it states none. Raises `UsageError` for more than `MOST_PLACED`.

    Of two equal ones the later comes first, and so lies at 0:

    >>> placed([16, 16], [0, 0], [1, 1])
    [16, 0]

    The third fits between the others only after the first is dead:

    >>> placed([32, 64, 16], [0, 1, 2], [1, 2, 3])
    [64, 0, 64]
    """
    import numpy as np

    if len(sizes) > MOST_PLACED:
        raise UsageError(
            f"the runtime's planner is followed for up to {exact(MOST_PLACED)} buffers, got {exact(len(sizes))}; "
            "ask for memory without a runtime"
        )
    fixed = offline or [ONLINE] * len(sizes)
    order = [i for i, at in enumerate(fixed) if at != ONLINE]
    order += sorted((i for i, at in enumerate(fixed) if at == ONLINE), key=lambda i: (-sizes[i], -i))
    offsets = list(fixed)
    wide = max(fixed, default=0) + sum(sizes) >= LARGEST_INT64
    # Of those placed, the lowest first, of equal ones that which was placed first: where they begin and end, and their lives.
    lying = np.zeros((4, len(sizes)), dtype=object if wide else np.int64)
    for count, i in enumerate(order):
        if offsets[i] == ONLINE:
            begins, ends, born, dead = lying[:, :count]
            there = (born <= last[i]) & (dead >= first[i])
            offsets[i] = _first_gap(sizes[i], begins[there], ends[there])
        at = int(np.searchsorted(lying[0, :count], offsets[i], side="right"))
        lying[:, at + 1 : count + 1] = lying[:, at:count].copy()
        lying[:, at] = offsets[i], offsets[i] + sizes[i], first[i], last[i]
    return offsets


def height(sizes: Sequence[int], offsets: Sequence[int]) -> int:
    """Bytes that all of them span.

    >>> height([16, 16], [16, 0]), height([], [])
    (32, 0)
    """
    return max((at + size for at, size in zip(offsets, sizes)), default=0)


def _first_gap(size: int, begins: Array, ends: Array) -> int:
    """The lowest offset at which a buffer meets none of those alive with it, the lowest of which comes first.

    A gap ends where the next one of them begins, even if one that lies before reaches into it.
    """
    import numpy as np

    free = np.maximum.accumulate(np.concatenate([[0], ends]))
    fits = np.flatnonzero(begins - free[:-1] >= size)
    return int(free[fits[0]] if len(fits) else free[-1])
