"""The greedy memory planner of TensorFlow Lite Micro: buffers by size, each in the first gap among those alive with it.

Its rule (`micro/memory_planner/greedy_memory_planner.cc`): the largest buffer first, of equal ones the one that was added
last; each goes to the lowest address at which a gap between those already placed, and alive together with it, holds it.
Buffers whose offset the file states come before all others, and stay where the file puts them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

ALIGNMENT = 16
"""Every buffer takes a multiple of this many bytes."""
ONLINE = -1
"""In place of an offset: the planner chooses it."""


def placed(
    sizes: Sequence[int], first: Sequence[int], last: Sequence[int], offline: Sequence[int] | None = None
) -> list[int]:
    """The offset of each buffer, which is alive from `first` to `last`, both inclusive.

    Sizes are taken as they are; the runtime rounds them up to `ALIGNMENT` before it asks. `offline` are the offsets that a
    file states, `ONLINE` where it states none.

    Of two equal ones the later comes first, and so lies at 0:

    >>> placed([16, 16], [0, 0], [1, 1])
    [16, 0]

    The third fits between the others only after the first is dead:

    >>> placed([32, 64, 16], [0, 1, 2], [1, 2, 3])
    [64, 0, 64]
    """
    fixed = offline or [ONLINE] * len(sizes)
    order = [i for i, at in enumerate(fixed) if at != ONLINE]
    order += sorted((i for i, at in enumerate(fixed) if at == ONLINE), key=lambda i: (-sizes[i], -i))
    offsets = list(fixed)
    lying: list[tuple[int, int, int]] = []
    """(offset, when it was placed, buffer) of those placed, the lowest first."""
    for turn, i in enumerate(order):
        if offsets[i] == ONLINE:
            offsets[i] = _first_gap(i, lying, sizes, first, last)
        insort(lying, (offsets[i], turn, i))
    return offsets


def height(sizes: Sequence[int], offsets: Sequence[int]) -> int:
    """Bytes that all of them span.

    >>> height([16, 16], [16, 0]), height([], [])
    (32, 0)
    """
    return max((at + size for at, size in zip(offsets, sizes)), default=0)


def _first_gap(
    wanted: int,
    lying: Sequence[tuple[int, int, int]],
    sizes: Sequence[int],
    first: Sequence[int],
    last: Sequence[int],
) -> int:
    """The lowest offset at which a buffer meets none of those alive with it.

    A gap ends where the next one of them begins, even if one that lies before reaches into it.
    """
    free = 0
    for at, _, other in lying:
        if first[other] > last[wanted] or first[wanted] > last[other]:
            continue
        if at - free >= sizes[wanted]:
            break
        free = max(free, at + sizes[other])
    return free
