"""Runs the first layers of a network on integers: whole, in patches, and row by row with ring buffers. Counts every product.

Nothing here uses convcost.memory. What a patch needs is found by marking: each position that is needed of an output marks
every position of the input that it multiplies. All numbers are integers held by doubles, which are exact below 2⁵³.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from convcost.graph.walk import Step, Walked

Array = np.ndarray[Any, Any]
Box = tuple[slice, slice]
FUSED = ("batch_norm", "relu", "relu6", "identity", "dropout")


class Layers:
    """The layers of a network up to one, with random weights."""

    def __init__(self, walked: Walked, end: str, seed: int = 0) -> None:
        self.steps = {step.node.name: step for step in walked.steps}
        self.shapes = dict(walked.inputs) | {name: step.cost.out[0] for name, step in self.steps.items()}
        self.input, self.end = next(iter(walked.inputs)), end
        self.order = [name for name in self.steps if name in self._leads_to(end)]
        random = np.random.default_rng(seed)
        self.image = random.integers(-3, 4, self.shapes[self.input]).astype(float)
        self.weights = {name: self._drawn(step, random) for name, step in self.steps.items() if name in self.order}
        self.products = 0
        """Products so far."""

    def _leads_to(self, end: str) -> set[str]:
        found, waiting = set[str](), [end]
        while waiting:
            name = waiting.pop()
            if name in self.steps and name not in found:
                found.add(name)
                waiting += self.steps[name].node.inputs
        return found

    @staticmethod
    def _drawn(step: Step, random: np.random.Generator) -> Array:
        attrs = step.node.attrs
        if step.node.op == "conv2d":
            groups, ins = attrs["groups"], step.input_shapes[0][-1]
            shape = (*attrs["kernel"], groups, ins // groups, attrs["channels"] // groups)
            return random.integers(-3, 4, shape).astype(float)
        return random.integers(-3, 4, (2, step.cost.out[0][-1])).astype(float)

    def whole(self) -> dict[str, Array]:
        """Every layer on the whole map."""
        made = {self.input: self.image}
        for name in self.order:
            box = everything(self.shapes[name])
            made[name] = self.run(name, box, lambda edge, box: cut(made[edge], box))
        return made

    def run(self, name: str, box: Box, read: Callable[[str, Box], Array]) -> Array:
        """A layer on a box of its output; `read` gives a box of an input, with zeros beyond its ends."""
        step = self.steps[name]
        boxes = [self.reads(step, edge, box) for edge in step.node.inputs]
        ins = [read(edge, where) for edge, where in zip(step.node.inputs, boxes)]
        size = box[0].stop - box[0].start, box[1].stop - box[1].start
        if step.node.op == "conv2d":
            return self.convolved(step, ins[0], size)
        if step.node.op in ("max_pool", "avg_pool"):
            return pooled(step, ins[0], size, boxes[0], self.shapes[step.node.inputs[0]])
        return self.pointwise(step, ins)

    def pointwise(self, step: Step, ins: Sequence[Array]) -> Array:
        """What works on each position alone."""
        op, x = step.node.op, ins[0]
        if op == "add":
            return x + ins[1]
        if op == "concat":
            return np.concatenate(ins, axis=-1)
        if op == "batch_norm":
            scale, shift = self.weights[step.node.name]
            return x * scale + shift
        assert op in (*FUSED, "local_response_norm"), op
        # Of an activation, any function of an element will do; this one stays small and forgets little.
        small = np.mod(x, 13) - 6
        return small - np.roll(small, 1, axis=-1) if op == "local_response_norm" else small

    def convolved(self, step: Step, x: Array, size: tuple[int, int]) -> Array:
        attrs, weights = step.node.attrs, self.weights[step.node.name]
        groups, deep, filters = weights.shape[2:]
        x = x.reshape(*x.shape[:2], groups, deep)
        out = np.zeros((*size, groups, filters))
        for tap in product(*map(range, attrs["kernel"])):
            seen = x[
                tuple(
                    taken(at, n, by, apart) for at, n, by, apart in zip(tap, size, attrs["stride"], attrs["dilation"])
                )
            ]
            if deep == filters == 1:
                products = seen * weights[tap][None, None, :, :, 0]
                self.products += products.size
                out += products
            else:
                self.products += seen[..., None].size * filters
                out += np.matmul(seen[..., None, :], weights[tap][None, None])[..., 0, :]
        assert np.abs(out).max(initial=0) < 2**50
        return out.reshape(*size, groups * filters)

    def reads(self, step: Step, edge: str, box: Box) -> Box:
        """The box of an input, with what lies beyond its ends."""
        if step.node.op not in ("conv2d", "max_pool", "avg_pool"):
            return box
        sides = windows(step, self.shapes[edge])
        low = [side.start * by - ahead for side, (_, by, ahead, _) in zip(box, sides)]
        high = [
            (side.stop - 1) * by - ahead + apart * (taps - 1) + 1 for side, (taps, by, ahead, apart) in zip(box, sides)
        ]
        return slice(low[0], high[0]), slice(low[1], high[1])

    # --- patches ------------------------------------------------------------------------------------------------

    def marked(self, tile: Box) -> dict[str, Array]:
        """Edge -> which of its positions are needed for a tile of the output."""
        marks = {edge: np.zeros(self.shapes[edge][:2], dtype=bool) for edge in (self.input, *self.order)}
        marks[self.end][tile] = True
        for name in reversed(self.order):
            step = self.steps[name]
            marks[name][box_of(marks[name])] = True  # a patch is a box, gaps included
            for edge in step.node.inputs:
                marks[edge] |= self._marks(step, edge, marks[name])
        return marks

    def _marks(self, step: Step, edge: str, mark: Array) -> Array:
        if step.node.op not in ("conv2d", "max_pool", "avg_pool"):
            return mark
        sizes, sides = self.shapes[edge][:2], windows(step, self.shapes[edge])
        far = [2 * size + 2 * taps * apart + 8 for size, (taps, _, _, apart) in zip(sizes, sides)]
        wide = np.zeros(far, dtype=bool)
        for tap in product(*(range(taps) for taps, *_ in sides)):
            wide[tuple(taken(at, n, by, apart) for at, n, (_, by, _, apart) in zip(tap, mark.shape, sides))] |= mark
        return wide[tuple(slice(ahead, ahead + size) for size, (_, _, ahead, _) in zip(sizes, sides))]

    def patch(self, tile: Box) -> tuple[Array, int]:
        """The layers on what a tile needs, and the most elements alive: fused as a runtime does, freed after the last reader."""
        boxes = {edge: box_of(mark) for edge, mark in self.marked(tile).items()}
        uses = Counter(edge for name in self.order for edge in self.steps[name].node.inputs)
        made: dict[str, Array] = {self.input: self.image[boxes[self.input]]}
        left, most = Counter(uses), made[self.input].size

        def read(edge: str, box: Box) -> Array:
            if not made[edge].size:  # the windows see zeros alone
                return np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start, self.shapes[edge][-1]))
            shifted = tuple(
                slice(side.start - mine.start, side.stop - mine.start) for side, mine in zip(box, boxes[edge])
            )
            return cut(made[edge], shifted)  # type: ignore[arg-type]

        for name in self.order:
            step = self.steps[name]
            if boxes[name][0].stop:
                made[name] = self.run(name, boxes[name], read)
            else:
                made[name] = np.zeros((0, 0, self.shapes[name][-1]))
            over = step.node.inputs[0]
            fused = step.node.op in FUSED and uses[over] == 1 and over != self.input and self._of_conv(over)
            if fused:
                del made[over]
            alive = sum(array.size for edge, array in made.items() if not self._ends_in(edge, uses))
            most = max(most, alive)
            for edge in step.node.inputs:
                left[edge] -= 1
                if not left[edge]:
                    made.pop(edge, None)
        return made[self.end], most

    def _of_conv(self, name: str) -> bool:
        while self.steps[name].node.op in FUSED:
            name = self.steps[name].node.inputs[0]
            if name == self.input:
                return False
        return self.steps[name].node.op == "conv2d"

    def _ends_in(self, edge: str, uses: Mapping[str, int]) -> bool:
        """Whether an edge is what becomes the output by what is fused into it: it is written to the whole output."""
        if edge == self.end:
            return True
        later = [name for name in self.order if edge in self.steps[name].node.inputs]
        if (
            uses[edge] != 1
            or edge == self.input
            or self.steps[later[0]].node.op not in FUSED
            or not self._of_conv(edge)
        ):
            return False
        return self._ends_in(later[0], uses)

    # --- rows ---------------------------------------------------------------------------------------------------

    def rows(self, kept: Mapping[str, int]) -> Array:
        """Row by row: of each tensor as many rows are kept as `kept` says; `LookupError` where one is read that was dropped.

        Edges that are not in `kept` are part of a tensor that is: what is fused, or what becomes the output.
        """
        self.kept = {edge: deque[tuple[int, Array]](maxlen=rows) for edge, rows in kept.items()}
        self.first = {
            edge: box_of(mark)[0].start for edge, mark in self.marked(everything(self.shapes[self.end])).items()
        }
        self.computed: dict[str, int] = {}
        """Edge -> the row that is computed next; the first is the first that is needed."""
        return np.concatenate([self._row(self.end, row) for row in range(self.shapes[self.end][0])])

    def _row(self, edge: str, row: int) -> Array:
        wide = slice(0, self.shapes[edge][1])
        if edge == self.input:
            return self.image[row : row + 1]
        step, box = self.steps[edge], (slice(row, row + 1), wide)

        def read(source: str, where: Box) -> Array:
            size = self.shapes[source]
            # All rows that are read together have to be kept together.
            rows = {at: self._kept_row(source, at) for at in self._rows_read(step, source, row)}
            zeros = np.zeros((1, *size[1:]))
            whole = [rows.get(at, zeros) for at in range(where[0].start, where[0].stop)]
            return cut(np.concatenate(whole), (slice(0, len(whole)), where[1]))

        for source in step.node.inputs:  # what is computed later must not push out what was read before
            for at in self._rows_read(step, source, row):
                self._kept_row(source, at)
        return self.run(edge, box, read)

    def _rows_read(self, step: Step, edge: str, row: int) -> list[int]:
        """The rows of an input that one row of the output multiplies."""
        if step.node.op not in ("conv2d", "max_pool", "avg_pool"):
            return [row]
        taps, by, ahead, apart = windows(step, self.shapes[edge])[0]
        rows = (row * by - ahead + tap * apart for tap in range(taps))
        return [at for at in rows if 0 <= at < self.shapes[edge][0]]

    def _kept_row(self, edge: str, row: int) -> Array:
        if edge not in self.kept:
            return self._row(edge, row)
        self.computed.setdefault(edge, self.first[edge])
        while self.computed[edge] <= row:
            made = self._row(edge, self.computed[edge])
            self.kept[edge].append((self.computed[edge], made))
            self.computed[edge] += 1
        found = [made for at, made in self.kept[edge] if at == row]
        if not found:
            raise LookupError(f"row {row} of {edge} is not kept any more")
        return found[0]


def windows(step: Step, shape: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Along each axis the taps, the stride, the zeros before it and how far taps are apart."""
    attrs = step.node.attrs
    strides, apart = attrs["stride"] or attrs["kernel"], attrs.get("dilation", (1, 1))
    found = []
    for size, taps, by, around, dilation in zip(shape, attrs["kernel"], strides, attrs["padding"], apart):
        missing = max((-(-size // by) - 1) * by + dilation * (taps - 1) + 1 - size, 0)
        found.append((taps, by, missing // 2 if around == "same" else around[0], dilation))
    return found


def taken(tap: int, number: int, stride: int, apart: int) -> slice:
    """The positions that one tap sees."""
    return slice(tap * apart, tap * apart + stride * (number - 1) + 1, stride)


def pooled(step: Step, x: Array, size: tuple[int, int], box: Box, shape: Sequence[int]) -> Array:
    """The largest of each window, or a sum of it; what lies beyond the map is not there."""
    attrs = step.node.attrs
    strides = attrs["stride"] or attrs["kernel"]
    inside = np.zeros(x.shape[:2], dtype=bool)
    inside[tuple(slice(max(-side.start, 0), max(min(n, side.stop) - side.start, 0)) for side, n in zip(box, shape))] = (
        True
    )
    least = -1e9 if step.node.op == "max_pool" else 0
    x = np.where(inside[..., None], x, least)
    taps = product(*map(range, attrs["kernel"]))
    seen = [x[tuple(taken(at, n, by, 1) for at, n, by in zip(tap, size, strides))] for tap in taps]
    return np.max(seen, axis=0) if step.node.op == "max_pool" else np.sum(seen, axis=0)


def everything(shape: Sequence[int]) -> Box:
    return slice(0, shape[0]), slice(0, shape[1])


def cut(array: Array, box: Box) -> Array:
    """A box of an array, with zeros beyond its ends."""
    before = [max(-side.start, 0) for side in box]
    after = [max(side.stop - size, 0) for side, size in zip(box, array.shape)]
    inside = array[
        tuple(slice(max(side.start, 0), max(min(side.stop, size), 0)) for side, size in zip(box, array.shape))
    ]
    return np.pad(inside, [*zip(before, after), (0, 0)])


def box_of(mark: Array) -> Box:
    """The smallest box with all marks."""
    if not mark.any():
        return slice(0, 0), slice(0, 0)
    rows, columns = np.flatnonzero(mark.any(axis=1)), np.flatnonzero(mark.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
