"""The first layers of a network row by row: what patches compute several times is kept instead, in ring buffers.

A row of a tensor is computed when a later row first needs it, after all rows before it, and kept until no later row needs it
any more. Each tensor thus has a ring buffer of as many rows as are ever kept of it at once: of what a 3×3 convolution
reads, three, of what a pointwise layer reads, one - more where a shortcut waits for the rows of the other branch. The rows
may be cut into strips side by side, which overlap, as patches do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from math import lcm, prod
from operator import mul
from typing import TypeAlias

import numpy as np

from convcost.core.dims import Array
from convcost.core.errors import UsageError
from convcost.core.units import exact
from convcost.graph.reach import Window
from convcost.graph.walk import output_edges
from convcost.memory.layout import layout
from convcost.memory.patches import (
    Candidate,
    Grid,
    Numbers,
    Range,
    Rules,
    every_grid,
    exact_dtype,
    in_bytes,
    per_position,
    ranges,
    tiles,
)
from convcost.memory.policies import policy
from convcost.memory.region import End, Region

MOST_FOLLOWED = 500_000
"""Windows that are followed to find how many rows are kept; a few seconds."""
Read: TypeAlias = tuple[str, list[Window]]
"""A tensor, and the windows by which it is read, one behind the other."""


class Segment:
    """The layers between two ends, run row by row: how many rows of each tensor are kept at once.

    All that is before the first is a single tensor, or the network's inputs, so that segments do not depend on each other.

    Once no window reaches over the ends of the map, all repeats: the rows of the end after which each tensor is a whole
    number of rows further are a period. If all tensors were so much further since the last period, they will be as long as
    no window reaches over the end, and these periods are left out.
    """

    def __init__(
        self, region: Region, sources: Collection[str], steps: range, end: End, own: Collection[str], most: int
    ) -> None:
        """Raises `UsageError` where more than `most` windows are followed."""
        self.sources, self.end, self.own = sources, end.edge, own
        self.left = most
        self.makers = {
            edge: (region.walked.steps[at].node.inputs, [each[0] for each in region.windows[at]])
            for at in steps
            for edge in output_edges(region.walked.steps[at].node, region.walked.steps[at].cost)
        }
        self.reads: dict[str, list[Read]] = {}
        """Tensor -> what it is computed from."""
        self.readers: dict[str, list[Read]] = {}
        """Tensor -> what is computed from it."""
        self._follow(end)
        needed = ranges(region, [end], 0, tiles([end.shape[0]], [1]), steps=steps)
        self.done = {edge: int(needed[edge].start[0, 0]) for edge in self.reads}
        """Tensor -> the first row that is not computed yet; those before the first that is needed never are."""
        self.kept = dict(self.done)
        """Tensor -> the first row that is still kept."""
        self.behind = set[str]()
        """Tensors of which some rows may be kept no longer, as a reader has moved on."""
        self.most: dict[str, list[tuple[int, int]]] = {edge: [] for edge in self.reads}
        """Tensor -> rows that are kept at once: how many from which row of the end on."""
        self._run(end.shape[0])

    def rows(self, stops: Array) -> Iterator[tuple[str, Array]]:
        """Tensor -> rows that are kept at once until so many rows of the end are computed, for each of these numbers."""
        for edge, history in self.most.items():
            firsts, kept = zip(*history) if history else ((), ())
            yield edge, np.array([0, *kept])[np.searchsorted(firsts, stops)]

    def _follow(self, end: End) -> None:
        """Find what is read from what."""
        waiting = [end.edge]
        while waiting:
            edge = waiting.pop()
            if edge not in self.reads:
                self.reads[edge] = list(self._paths(edge))
                for source, windows in self.reads[edge]:
                    self.readers.setdefault(source, []).append((edge, windows))
                    waiting.append(source)

    def _paths(self, edge: str) -> Iterator[Read]:
        waiting = [] if edge in self.sources else self._inputs(edge, [])
        while waiting:
            source, windows = waiting.pop()
            if source in self.sources or (source in self.makers and source in self.own):
                yield source, windows
            elif source in self.makers:  # fused, or a view
                waiting += self._inputs(source, windows)

    def _inputs(self, edge: str, windows: list[Window]) -> list[Read]:
        """What an edge is made of, the last first, behind windows by which it is read."""
        each = zip(*self.makers[edge])
        return [(source, windows if window.same else [*windows, window]) for source, window in each][::-1]

    def _run(self, rows: int) -> None:
        """Compute all rows of the end."""
        every, further = self._period(rows)
        row = 0
        while row < rows:
            done, kept, behind = dict(self.done), dict(self.kept), set(self.behind)
            stop = min(row + every, rows)
            for at in range(row, stop):
                self._ensure(self.end, at + 1, at)
            row = stop
            alike = all((self.done[edge] - done[edge], self.kept[edge] - kept[edge]) == (n, n) for edge, n in further)
            if alike and behind == self.behind:
                periods = max(0, min([(rows - row) // every, *self._room(done, dict(further))]))
                row += periods * every
                for edge, n in further:
                    self.done[edge] += periods * n
                    self.kept[edge] += periods * n

    def _period(self, rows: int) -> tuple[int, list[tuple[str, int]]]:
        """Rows of the end after which each tensor is a whole number of rows further, and that number; all rows and nothing
        where two ways to a tensor differ in pace, so that it never repeats.
        """
        pace, every, waiting = {self.end: Fraction(1)}, 1, [self.end]
        while waiting:
            edge = waiting.pop()
            for source, windows in self.reads[edge]:
                there = pace[edge]
                for window in windows:
                    there = there * window.stride / window.scale
                    every = lcm(every, there.denominator)
                if source not in pace:
                    waiting.append(source)
                if pace.setdefault(source, there) != there:
                    return rows, []
        return every, [(edge, int(each * every)) for edge, each in pace.items()]

    def _room(self, done: Mapping[str, int], further: Mapping[str, int]) -> Iterator[int]:
        """For how many more periods each window that moves on stays on the map, which it was on since `done`, or 0."""
        for edge, reads in self.reads.items() if further else ():
            for _, windows in reads:
                start, stop, step = done[edge], self.done[edge], further[edge]
                for window in windows:
                    start, stop = window.needs(start, stop)
                    step = step * window.stride // window.scale
                    if not step:  # the same rows again and again
                        break
                    yield (window.size - stop) // step if start >= 0 else 0

    def _needs(self, edge: str, row: int) -> Iterator[tuple[str, int]]:
        """What one row is computed from, and the row after the last of it, those of zeros left out."""
        for source, windows in self.reads[edge]:
            start, stop = row, row + 1
            for window in windows:
                start, stop = window.clipped(start, stop)
            if start < stop:
                yield source, stop

    def _ensure(self, edge: str, stop: int, row: int) -> None:
        """Compute the rows of a tensor up to one, each with what it needs right before it, for a row of the end."""
        waiting = [(edge, stop)]
        while waiting:
            edge, stop = waiting[-1]
            if self.done[edge] >= stop:
                waiting.pop()
                continue
            self._spend(1 + len(self.reads[edge]))
            needs = list(self._needs(edge, self.done[edge]))
            missing = [(source, last) for source, last in needs if self.done[source] < last]
            if missing:
                waiting += reversed(missing)
                continue
            if edge in self.behind:
                self.kept[edge] = max(self.kept[edge], self._first_needed(edge))
                self.behind.remove(edge)
            # What is read from nothing comes all at once.
            self.done[edge] = self.done[edge] + 1 if self.reads[edge] else stop
            if edge == self.end:  # written to its place in the whole
                self.kept[edge] = self.done[edge]
            else:
                self._note(edge, row)
            self.behind.update(source for source, _ in self.reads[edge])

    def _note(self, edge: str, row: int) -> None:
        rows, history = self.done[edge] - self.kept[edge], self.most[edge]
        if not history or rows > history[-1][1]:
            history.append((row, rows))

    def _first_needed(self, edge: str) -> int:
        """The first of the rows computed so far that a row which is still to be computed needs: a window with gaps may skip some
        that a later one needs.
        """
        self._spend(len(self.readers[edge]))
        found = self.done[edge]
        for reader, windows in self.readers[edge]:
            start, stop = self.done[reader], self.done[reader] + 1
            for window in windows:
                start, stop = window.needs(start, stop)
            found = min(found, start)
        return found

    def _spend(self, windows: int) -> None:
        self.left -= windows
        if self.left < 0:
            raise UsageError(
                f"the rows that are kept are not known after {exact(MOST_FOLLOWED)} windows were followed up to {self.end}; "
                "ask for patches without --stream, or for an end before it, with --until"
            )


class RingBuffers:
    """The ring buffers of the layers up to any end, from one run of all segments."""

    def __init__(self, region: Region, policy_name: str) -> None:
        self.region = region
        self.where = layout(region.walked, policy(policy_name))
        own = {tensor.name for tensor in self.where.tensors}
        self.segments: list[Segment] = []
        sources, first = set(region.walked.inputs), 0
        for end in region.ends:
            left = self.segments[-1].left if self.segments else MOST_FOLLOWED
            self.segments.append(Segment(region, sources, range(first, end.position + 1), end, own, left))
            sources, first = {end.edge}, end.position + 1

    def up_to(self, end: End) -> dict[int, int]:
        """Tensor, by its number in the layout -> rows of its ring buffer; none of what lies in the whole output.

        >>> from convcost import load
        >>> from convcost.memory.region import until
        >>> found, end = until(load("mobilenet_v2").walked, "fused", "stage1")
        >>> buffers = RingBuffers(found, "fused")
        >>> {buffers.where.tensors[at].name: rows for at, rows in buffers.up_to(end).items()}  # 3 for each 3×3 convolution
        {'input': 3, 'stem.conv2d': 3, 'stage1.block1.depthwise.conv2d': 1}
        """
        needed = ranges(self.region, [end], 0, tiles([end.shape[0]], [1]))
        return {number: int(rows[0]) for number, rows in self.up_to_each([end], needed).items() if rows[0]}

    def up_to_each(self, ends: Sequence[End], needed: Mapping[str, Range]) -> dict[int, Array]:
        """Tensor, by its number in the layout -> rows of its ring buffer at each of several ends, 0 where it has none there.

        `needed` are the rows that all of the map needs of every edge, at each end.
        """
        found: dict[int, Array] = {}
        for segment in self.segments:
            if segment.end not in needed:
                continue
            for edge, rows in segment.rows(needed[segment.end].stop[:, 0]):
                for number in self.where.home[edge]:
                    found[number] = np.maximum(found.get(number, 0), rows)
        for at, end in enumerate(ends):
            for number in self.where.home[end.edge]:
                if number in found:
                    found[number][at] = 0
        return dict(sorted(found.items()))


def on_rows(buffers: RingBuffers, end: End, counts: Sequence[int], rules: Rules) -> Grid:
    """Run the layers up to an end row by row, in so many strips; the first count, of the rows, is 1."""
    region, rings = buffers.region, buffers.up_to(end)
    found = [ranges(region, [end], axis, tiles([size], [n])) for axis, (size, n) in enumerate(zip(end.shape, counts))]
    shape, rank = tuple(counts), len(counts)
    dtype = exact_dtype(region, [{edge: one.extent for edge, one in every.items()} for every in found], prod(counts))

    def extent(edge: str, axis: int) -> Array:
        shaped: Array = (
            found[axis][edge].extent[0].astype(dtype).reshape([-1 if at == axis else 1 for at in range(rank)])
        )
        return shaped

    macs, layers = np.zeros(shape, dtype), dict[str, int]()
    for name, each in per_position(region).items():
        if name in found[0]:
            here = each * reduce(mul, [extent(name, axis) for axis in range(rank)])
            macs += here
            layers[name] = int(here.sum())
    live, at, largest = np.zeros(shape, dtype), np.full(shape, -1), np.zeros(shape, dtype)
    for number, rows in rings.items():
        tensor = buffers.where.tensors[number]
        sides: list[Array | int] = [rows, *(extent(tensor.name, axis) for axis in range(1, rank))]
        if rules.input_in_ram and tensor.step < 0:
            sides = list(tensor.shape[:-1])
        elements = reduce(mul, sides, np.full(shape, tensor.shape[-1], dtype))
        size = in_bytes(elements, tensor, rules.dtype)
        live += size
        at, largest = np.where(size > largest, tensor.step, at), np.maximum(size, largest)
    along = tuple({edge: Range(one.start[0], one.stop[0]) for edge, one in every.items()} for every in found)
    named = {buffers.where.tensors[number].name: rows for number, rows in rings.items()}
    return Grid(shape, along, macs, live, at, layers, named)


def strips(buffers: RingBuffers, ends: Sequence[End], rules: Rules, numbers: Numbers) -> Iterator[Candidate]:
    """Every number of strips side by side, up to every end; the first of the numbers, of the rows, are 1 alone."""

    def live(some: Sequence[End], spans: Sequence[dict[str, Array]]) -> Iterator[Array | int]:
        needed = ranges(buffers.region, some, 0, tiles([end.shape[0] for end in some], [1]))
        every: Array | int = 0
        for number, kept in buffers.up_to_each(some, needed).items():
            tensor = buffers.where.tensors[number]
            extents = [along[tensor.name] for along in spans]
            rows = kept.astype(extents[0].dtype).reshape(len(some), *[1] * len(extents[0].shape[1:]))
            elements = reduce(mul, extents[1:], rows) * tensor.shape[-1]
            if rules.input_in_ram and tensor.step < 0:
                elements = np.full_like(rows, prod(tensor.shape))
            every = every + in_bytes(elements, tensor, rules.dtype)
        yield every

    return every_grid(buffers.region, ends, rules, numbers, [tensor.name for tensor in buffers.where.tensors], live)
