"""Arena planning: an offset in one block of memory for every tensor, so that tensors with overlapping live ranges do not
share a byte.

The peak of live bytes is a lower bound for any plan; a plan may need more, because a tensor cannot be moved or split. Three
planners are tried: two greedy ones, as deployed runtimes have them, and one that repeats the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from convcost.core.checks import integer_within, quoted
from convcost.core.errors import UsageError, did_you_mean
from convcost.memory.lifetimes import Lifetimes

MOST_ALIGN = 1 << 30
MOST_COMPARED = 3_000_000
"""Pairs of tensors that all rounds of a plan compare together; about a second."""


class Buffer(NamedTuple):
    """A tensor to be placed: its bytes, and its live range (first and last position, inclusive)."""

    name: str
    size: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The offset of each buffer."""

    way: str
    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    bound: int
    """The most bytes that are live at once: a lower bound for any plan."""
    stacked: Mapping[int, int] = field(default_factory=dict)
    """Buffer -> the one over which it begins, with which it shares the one position at which both live."""

    @property
    def total(self) -> int:
        """Bytes of the whole arena."""
        return max((at + buffer.size for at, buffer in zip(self.offsets, self.buffers)), default=0)

    @property
    def wasted(self) -> int:
        """Bytes of the arena above the bound, lost to fragmentation and alignment."""
        return self.total - self.bound

    def overlaps(self) -> list[tuple[str, str]]:
        """Buffers with overlapping live ranges that share a byte; empty for a valid plan."""
        found, alive = list[tuple[int, int]](), list[int]()
        ends = [at + buffer.size for at, buffer in zip(self.offsets, self.buffers)]
        for one in sorted(range(len(ends)), key=lambda i: self.buffers[i].first):
            at, end, first = self.offsets[one], ends[one], self.buffers[one].first
            alive = [other for other in alive if self.buffers[other].last >= first]
            found += [(one, other) for other in alive if at < ends[other] and self.offsets[other] < end]
            alive.append(one)
        pairs = sorted((max(pair), min(pair)) for pair in found)
        return [
            (self.buffers[i].name, self.buffers[j].name)
            for i, j in pairs
            if self.stacked.get(j) != i and self.stacked.get(i) != j
        ]


class Strip(NamedTuple):
    """Buffers that are contiguous - a single one, or the branches of a concat - and are placed together."""

    buffers: tuple[int, ...]
    within: tuple[int, ...]
    """The offset of each within the block."""
    size: int
    first: int
    last: int


class Planner(NamedTuple):
    """A greedy planner: in which order blocks are placed, and which gap each takes."""

    says: str
    first: Callable[[Strip], tuple[int, ...]]
    gap: Callable[[tuple[int, int | None]], tuple[int, ...]]
    """Sorts gaps, given as the first and last offset at which the block fits; the lowest is taken."""
    rounds: int = 1
    """How often to start again with the highest block placed first, unless the bound is reached."""


def _by_size(block: Strip) -> tuple[int, ...]:
    return (-block.size, block.first)


def _first_gap(gap: tuple[int, int | None]) -> tuple[int, ...]:
    return (gap[0],)


PLANNERS = {
    "greedy_by_size": Planner(
        "the largest tensor first, of equal ones the one written first, each in the first gap among those that live at the same "
        "time; not what TFLite Micro does, which orders equal ones the other way and rounds sizes up: that is --runtime tflm",
        _by_size,
        _first_gap,
    ),
    "best_fit_by_lifetime": Planner(
        "the tensor that lives longest first, each in the smallest gap that it fits",
        lambda block: (block.first - block.last, -block.size, block.first),
        lambda gap: (gap[1] is None, (gap[1] or 0) - gap[0], gap[0]),
    ),
    "improved": Planner(
        "as greedy_by_size, then again and again with the tensor in front that reached highest; the best is kept",
        _by_size,
        _first_gap,
        rounds=100,
    ),
}
"""Name -> planner."""


def check_align(align: Any) -> int:
    """The bytes whose multiples offsets are; raises `UsageError`."""
    number = integer_within(align, 1, MOST_ALIGN)
    if number is None:
        raise UsageError(f"align must be from 1 to {MOST_ALIGN:,} bytes, got {quoted(align)}")
    return number


def plan(
    lives: Lifetimes, sizes: Sequence[int], way: str = "greedy_by_size", align: int = 1, bound: int | None = None
) -> Plan:
    """Place every tensor; `sizes` are their bytes, offsets are multiples of `align`.

    Tensors of one region (the branches of a concat) are contiguous, and only the region as a whole is aligned.
    Raises `UsageError` for an unknown planner, and for a policy that considers single layers.
    """
    if way not in PLANNERS:
        raise UsageError(f"there is no way {way!r} to plan an arena{did_you_mean(way, PLANNERS)}")
    align = check_align(align)
    if lives.windows is not None:
        raise UsageError("a policy that looks at single layers has no arena")
    buffers = tuple(Buffer(t.name, size, t.first, t.last) for t, size in zip(lives.tensors, sizes, strict=True))
    if bound is None:
        bound = int(lives.peak(dict(zip(lives.tensors, sizes)).__getitem__).elements)
    order = sorted(_blocks(buffers, lives.regions, lives.begins_over), key=PLANNERS[way].first)
    neighbours = _neighbours(tuple((buffer.size > 0, buffer.first, buffer.last) for buffer in buffers))
    best: Plan | None = None
    tried: set[tuple[Strip, ...]] = set()
    for _ in range(min(PLANNERS[way].rounds, 1 + MOST_COMPARED // (1 + sum(map(len, neighbours))))):
        made = Plan(way, buffers, _placed(order, buffers, neighbours, PLANNERS[way], align), bound, lives.begins_over)
        best = made if best is None or made.total < best.total else best
        if best.wasted == 0:
            break
        tried.add(tuple(order))
        highest = max(order, key=lambda block: max(made.offsets[b] + buffers[b].size for b in block.buffers))
        order.remove(highest)
        order.insert(0, highest)
        if tuple(order) in tried:  # what follows has been tried, too
            break
    assert best is not None
    return best


def _placed(
    order: Sequence[Strip], buffers: Sequence[Buffer], neighbours: Sequence[Sequence[int]], way: Planner, align: int
) -> tuple[int, ...]:
    sizes = [buffer.size for buffer in buffers]
    offsets = [-1] * len(buffers)  # of one that has no place yet
    for block in order:
        taken: list[tuple[int, int]] = []
        for mine, within in zip(block.buffers, block.within):
            below = within + sizes[mine]
            taken += [
                (at - below, at + sizes[there] - within) for there in neighbours[mine] if (at := offsets[there]) >= 0
            ]
        taken.sort()
        base = _lowest(taken, align) if way.gap is _first_gap else min(_gaps(taken, align), key=way.gap)[0]
        for buffer, within in zip(block.buffers, block.within):
            offsets[buffer] = base + within
    return tuple(offsets)


@lru_cache(maxsize=1)  # the planners place the same buffers, one after the other
def _neighbours(buffers: tuple[tuple[bool, int, int], ...]) -> list[list[int]]:
    """Buffer -> those that it must not share a byte with, of whether each has bytes, and its live range."""
    found: list[list[int]] = [[] for _ in buffers]
    alive: list[int] = []
    for one in sorted((i for i, (some, *_) in enumerate(buffers) if some), key=lambda i: buffers[i][1]):
        alive = [other for other in alive if buffers[other][2] >= buffers[one][1]]
        for other in alive:
            found[one].append(other)
            found[other].append(one)
        alive.append(one)
    return found


def _blocks(
    buffers: Sequence[Buffer], regions: Sequence[tuple[int, ...]], begins_over: Mapping[int, int]
) -> list[Strip]:
    """What is placed together: side by side the tensors of a region, at one offset those that begin over each other."""
    stacks = _stacks(begins_over)
    joined = {buffer for group in (*regions, *stacks) for buffer in group}
    alone = [(buffer,) for buffer in range(len(buffers)) if buffer not in joined]
    blocks = []
    for group in (*alone, *regions):
        within, size = [], 0
        for buffer in group:
            within.append(size)
            size += buffers[buffer].size
        blocks.append(_strip(buffers, group, tuple(within), size))
    high = (_strip(buffers, stack, (0,) * len(stack), max(buffers[b].size for b in stack)) for stack in stacks)
    return [*blocks, *high]


def _strip(buffers: Sequence[Buffer], group: tuple[int, ...], within: tuple[int, ...], size: int) -> Strip:
    first, last = min(buffers[b].first for b in group), max(buffers[b].last for b in group)
    return Strip(group, within, size, first, last)


def _stacks(begins_over: Mapping[int, int]) -> list[tuple[int, ...]]:
    """Tensors that begin over each other, one after the other.

    >>> _stacks({3: 1, 5: 3, 8: 7})
    [(1, 3, 5), (7, 8)]
    """
    stack_of: dict[int, list[int]] = {}
    for over, under in sorted(begins_over.items()):
        stack_of[over] = stack_of.pop(under, [under])
        stack_of[over].append(over)
    return [tuple(stack) for stack in stack_of.values()]


def _lowest(taken: Sequence[tuple[int, int]], align: int) -> int:
    """Where the first gap begins, without a look at those above it.

    >>> _lowest([(-4, 6), (9, 20)], 4)
    8
    """
    free = 0
    for low, high in taken:
        if free <= low:
            break
        if high > free:
            free = -(-high // align) * align
    return free


def _gaps(taken: Sequence[tuple[int, int]], align: int) -> list[tuple[int, int | None]]:
    """Ranges of free offsets for a block, in order; the last one has no end.

    Each entry of `taken` forbids the block to begin after its first and before its second number.

    >>> _gaps([(-4, 6), (9, 20)], 4)
    [(8, 9), (20, None)]
    """
    gaps: list[tuple[int, int | None]] = []
    free = 0
    for low, high in taken:
        if free <= low:
            gaps.append((free, low))
        free = max(free, -(-high // align) * align)
    return [*gaps, (free, None)]
