"""A slow, independent counter for ops on tensors of any rank: products counted one by one, shapes found by numpy.

As `brute_force`, it knows no cost formula: parameters are the distinct indices that the loops use. What numpy cannot do
to an array of such a shape raises, `ValueError` or `LookupError`, as does an axis that a tensor lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from helpers.brute_force import Count, Shape, _check, _with_bias

Axis = str | int

NAMES = {1: ["channels"], 2: ["length", "channels"], 3: ["height", "width", "channels"]}
NAMES[4] = ["depth", *NAMES[3]]


def place(x: Shape, axis: Axis) -> int:
    """The place of an axis by name or number, counted from the first.

    >>> place((4, 5, 6), "width"), place((4, 5, 6), -1)
    (1, 2)
    """
    if isinstance(axis, int):
        return range(len(x))[axis]
    return NAMES.get(len(x), [None] * (len(x) - 1) + ["channels"]).index(axis)  # type: ignore[arg-type]


def shaped(array: object) -> Shape:
    return tuple(map(int, np.shape(array)))  # type: ignore[arg-type]


def indices(x: Shape) -> list[tuple[int, ...]]:
    return list(product(*map(range, x)))


def linear(x: Shape, channels: int, bias: bool = True, at: str = "tokens") -> Count:
    """Count a fully connected layer at each position.

    >>> linear((2, 4), 3)
    Count(out=((2, 3),), macs=24, bias_adds=6, weights=12, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    _check(len(x) <= 2 or at == "positions", f"a linear layer on {x}")
    macs = 0
    weights = set()
    for _ in indices(x[:-1]):
        for source, target in product(range(x[-1]), range(channels)):
            macs += 1
            weights.add((source, target))
    return _with_bias((*x[:-1], channels), macs, len(weights), bias)


def matmul(x: Shape, y: Shape, transpose: bool = False) -> Count:
    """Count the products of rows by columns, of every pair of matrices that stretching lays upon each other.

    >>> matmul((2, 3, 4), (4, 5))
    Count(out=((2, 3, 5),), macs=120, bias_adds=0, weights=0, biases=0, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    first, second = np.zeros(x), np.zeros(y)
    second = np.swapaxes(second, -1, -2) if transpose else second
    _check(first.shape[-1] == second.shape[-2], f"{x} times {y}")
    out = shaped(first @ second)
    macs = 0
    for _ in indices(out):
        macs += len(range(first.shape[-1]))
    return Count((out,), macs)


def one_hot(x: Shape, channels: int) -> Count:
    """Count a row of the identity for each element."""
    return Count((shaped(np.eye(channels)[np.zeros(x, int)]),))


def embedding(x: Shape, rows: int, channels: int) -> Count:
    """Count the numbers of a table, a row of which is read for each element."""
    return Count((shaped(np.zeros((rows, channels))[np.zeros(x, int)]),), weights=len(indices((rows, channels))))


def source(shape: Sequence[int] | int) -> Count:
    """Count the numbers of a stored tensor."""
    out = (shape,) if isinstance(shape, int) else tuple(shape)
    return Count((out,), weights=len(indices(out)))


#: What one unit does at one step besides its dot products, written out; i + is the sum of what input and state give.
CELLS = {
    "lstm": ("ifgo", ["i +", "f +", "g +", "o +", "f * c", "i * g", "f * c + i * g", "o * tanh(c)"]),
    "gru": ("rzn", ["r +", "z +", "n +", "r * (state)", "(1 - z) * n", "z * h", "(1 - z) * n + z * h"]),
    "rnn": ("h", ["h +"]),
}


def recurrent(
    cell: str,
    x: Shape,
    channels: int,
    bidirectional: bool = False,
    biases: int = 2,
    last: bool = False,
    projection: int | None = None,
) -> Count:
    """Count a recurrent layer, step by step and gate by gate.

    >>> recurrent("rnn", (2, 3), 4).macs  # two steps, four units, each reads 3 numbers and 4 states
    56
    """
    _check(len(x) >= 2, f"a sequence of {x}")
    gates, extra = CELLS[cell]
    state = channels if projection is None else projection
    directions = ["forth", "back"] if bidirectional else ["forth"]
    macs = bias_adds = elementwise = 0
    weights, added = set(), set()
    for _sequence, _step, direction, unit in product(indices(x[:-2]), range(x[-2]), directions, range(channels)):
        for gate in gates:
            for read in [*(("x", i) for i in range(x[-1])), *(("h", i) for i in range(state))]:
                macs += 1
                weights.add((direction, gate, unit, read))
            for bias in range(biases):
                bias_adds += 1
                added.add((direction, gate, unit, bias))
        for combination in range(projection or 0):
            macs += 1
            weights.add((direction, "projection", unit, combination))
        elementwise += len(extra)
    states = np.concatenate([np.zeros((*x[:-1], state)) for _ in directions], axis=-1)
    out = shaped(states[..., -1, :] if last else states)
    return Count((out,), macs, bias_adds, len(weights), len(added), elementwise=elementwise)


def lstm(x: Shape, **attrs: object) -> Count:
    return recurrent("lstm", x, **attrs)  # type: ignore[arg-type]


def gru(x: Shape, **attrs: object) -> Count:
    return recurrent("gru", x, **attrs)  # type: ignore[arg-type]


def rnn(x: Shape, **attrs: object) -> Count:
    return recurrent("rnn", x, **attrs)  # type: ignore[arg-type]


def softmax(x: Shape, axis: Axis = "channels") -> Count:
    """Count nothing, along an axis that there is."""
    place(x, axis)
    return Count((x,))


l2_normalize = log_softmax = softmax


def cumulative(x: Shape, axis: Axis, function: str = "sum") -> Count:
    """Count nothing; numpy adds up along the axis, or multiplies, or takes the largest so far."""
    along = {"sum": np.add, "product": np.multiply, "max": np.maximum, "min": np.minimum}[function]
    return Count((shaped(along.accumulate(np.zeros(x), axis=place(x, axis))),))


def function(x: Shape, of: str) -> Count:  # noqa: ARG001
    """Count nothing: each element becomes another."""
    return Count((shaped(np.zeros(x)),))


def combine(*xs: Shape, function: str) -> Count:  # noqa: ARG001
    """Count an operation for each element of the result and each tensor but the first; numpy stretches them.

    >>> combine((2, 1), (3,), function="subtract")
    Count(out=((2, 3),), macs=0, bias_adds=0, weights=0, biases=0, buffers=0, elementwise=6, zeros=0, padding_macs=0)
    """
    out = shaped(sum(np.zeros(x) for x in xs))
    elementwise = 0
    for _ in xs[1:]:
        elementwise += len(indices(out))
    return Count((out,), elementwise=elementwise)


def unknown(*_xs: Shape, type: str, shape: object = None, why: str | None = None, behind: bool = False) -> Count:  # noqa: A002, ARG001
    """Count nothing: what is stated of the result is all that is known."""
    if shape is None:
        return Count(())
    stated = shape if isinstance(shape, tuple) else (shape,)
    return Count(tuple(map(tuple, stated)) if isinstance(stated[0], list) else (stated,))


def split_softmax(x: Shape, parts: int) -> Count:
    return Count((shaped(np.zeros(x).reshape(*x[:-1], parts, x[-1] // parts).reshape(x)),))


def layer_norm(x: Shape, axes: Axis | Sequence[Axis] = "channels", scale: bool = True, shift: bool = True) -> Count:
    """Count a scale and a shift for each place along some axes together."""
    listed = axes if isinstance(axes, (list, tuple)) else [axes]
    places = [place(x, axis) for axis in listed]
    _check(len(set(places)) == len(places), f"{axes} twice")
    learnt = {tuple(index[at] for at in places) for index in indices(x)}
    return Count((x,), weights=len(learnt) * scale, biases=len(learnt) * shift)


def rms_norm(x: Shape, axes: Axis | Sequence[Axis] = "channels", scale: bool = True) -> Count:
    """Count a scale for each place along some axes together."""
    return layer_norm(x, axes, scale, shift=False)


def global_response_norm(x: Shape) -> Count:
    """Count a factor and a shift for each channel of a map."""
    _check(len(x) >= 2, f"positions of {x}")
    channels = {index[-1] for index in indices(x)}
    return Count((x,), weights=len(channels), biases=len(channels))


def reduce(x: Shape, axes: Axis | Sequence[Axis], function: str, keep: bool = True) -> Count:
    """Count nothing; numpy reduces."""
    listed = axes if isinstance(axes, (list, tuple)) else [axes]
    places = tuple(place(x, axis) for axis in listed)
    _check(len(set(places)) == len(places), f"{axes} twice")
    along = {"mean": np.mean, "sum": np.sum, "max": np.max, "min": np.min, "norm": np.sum}[function]
    out = shaped(along(np.zeros(x), axis=places, keepdims=keep))
    _check(len(out) >= 1, "nothing is left")
    return Count((out,))


def reshape(x: Shape, shape: Sequence[int] | int) -> Count:
    return Count((shaped(np.zeros(x).reshape(shape)),))


def transpose(x: Shape, axes: Axis | Sequence[Axis]) -> Count:
    listed = axes if isinstance(axes, (list, tuple)) else [axes]
    return Count((shaped(np.transpose(np.zeros(x), [place(x, axis) for axis in listed])),))


def expand(x: Shape, shape: Sequence[int] | int) -> Count:
    return Count((shaped(np.broadcast_to(np.zeros(x), shape)),))


def tile(x: Shape, repeats: Sequence[int] | int) -> Count:
    """Count laying copies side by side along each axis."""
    times = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    _check(len(times) == len(x), f"{repeats} of {x}")
    return Count((shaped(np.tile(np.zeros(x), times)),))


def roll(x: Shape, shift: Sequence[int] | int) -> Count:
    """Count nothing; numpy rolls along the axes before the channels."""
    _check(len(x) >= 2, f"positions of {x}")
    amounts = list(shift) if isinstance(shift, (list, tuple)) and len(shift) > 1 else [shift] * (len(x) - 1)
    _check(len(amounts) == len(x) - 1, f"{shift} on {x}")
    return Count((shaped(np.roll(np.zeros(x), [int(np.ravel(n)[0]) for n in amounts], tuple(range(len(x) - 1)))),))


def window_partition(x: Shape, window: tuple[int, int] | int) -> Count:
    """Count windows and places in them: those that the positions of a map lie in.

    >>> window_partition((4, 6, 5), (2, 3)).out
    ((4, 6, 5),)
    """
    window = (window, window) if isinstance(window, int) else window
    height, width, channels = x
    _check(height % window[0] == 0 and width % window[1] == 0, f"windows of {window} on {x}")
    positions = list(product(range(height), range(width)))
    across = {(row // window[0], column // window[1]) for row, column in positions}
    inside = {(row % window[0], column % window[1]) for row, column in positions}
    return Count(((len(across), len(inside), channels),))


def window_reverse(x: Shape, size: tuple[int, int], window: tuple[int, int] | int) -> Count:
    """Count the map that gives these windows."""
    _check(window_partition((*size, x[-1]), window).out == (x,), f"{x} is no {size} in windows of {window}")
    return Count(((*size, x[-1]),))


def gather(x: Shape, chosen: Shape | None = None, *, count: int, axis: Axis) -> Count:
    """Count taking elements along an axis, as many as there are indices."""
    _check(chosen is None or len(indices(chosen)) == count, f"{count} of {chosen}")
    return Count((shaped(np.take(np.zeros(x), [0] * count, place(x, axis))),))


def scatter(x: Shape, *_others: Shape) -> Count:
    """Count putting other elements into a copy."""
    return Count((shaped(np.zeros(x).copy()),))


def grid_sample(x: Shape, grid: Shape) -> Count:
    """Count reading the channels at as many places as the grid has pairs."""
    _check(grid[-1] == 2, f"{grid} are no pairs")
    rows, columns = np.zeros(grid[:-1], int), np.zeros(grid[:-1], int)
    return Count((shaped(np.zeros(x)[rows, columns]),))


def roi_align(x: Shape, boxes: Shape, images: Shape | None = None, *, size: Sequence[int] | int) -> Count:
    """Count the positions in each box."""
    each = indices(boxes[:-1])
    _check(images is None or len(indices(images)) == len(each), f"{images} for {boxes}")
    inside = (size, size) if isinstance(size, int) else tuple(size)
    return Count(((*boxes[:-1], *inside, x[-1]),))


def top_k(x: Shape, count: int, axis: Axis = "channels") -> Count:
    """Count the largest along an axis, and where they stand."""
    at = place(x, axis)
    _check(count <= x[at], f"{count} of {x[at]}")
    best = shaped(np.take(np.sort(np.zeros(x), at), range(count), at))
    return Count((best, best))


def add(x: Shape, *others: Shape, broadcast: bool = False) -> Count:
    """Count sums, of equal shapes or of shapes that stretch to the first."""
    return _elementwise(x, others, stretch=broadcast)


def multiply(x: Shape, *gates: Shape) -> Count:
    """Count products of a tensor and gates that stretch to it; gates are no weights, so no ``macs``."""
    return _elementwise(x, gates, stretch=True)


def _elementwise(x: Shape, others: Sequence[Shape], *, stretch: bool) -> Count:
    elementwise = 0
    for other in others:
        _check(other == x or (stretch and shaped(np.zeros(x) + np.zeros(other)) == x), f"{other} with {x}")
        elementwise += len(indices(x))
    return Count((x,), elementwise=elementwise)


def concat(*xs: Shape, axis: Axis = "channels") -> Count:
    """Count laying tensors side by side."""
    return Count((shaped(np.concatenate([np.zeros(x) for x in xs], axis=place(xs[0], axis))),))


def slice(  # noqa: A001 - the name of the op
    x: Shape, start: int = 0, stop: int | None = None, step: int = 1, axis: Axis = "channels"
) -> Count:
    """Count taking ``start:stop:step``, as Python does, along one axis; a stop beyond the end is an error."""
    at = place(x, axis)
    _check(stop is None or stop <= x[at], "the stop is beyond the end")
    kept = range(x[at])[start:stop:step]
    _check(len(kept) > 0, "the slice is empty")
    return Count((shaped(np.take(np.zeros(x), kept, at)),))


def split(x: Shape, sections: int | Sequence[int], axis: Axis = "channels") -> Count:
    """Count cutting into a number of equal parts, or into parts of the given lengths.

    >>> split((2, 2, 6), 2).out, split((2, 2, 6), [1, 5]).out
    (((2, 2, 3), (2, 2, 3)), ((2, 2, 1), (2, 2, 5)))
    """
    at = place(x, axis)
    if not isinstance(sections, int):
        _check(sum(sections) == x[at], f"{sections} of {x[at]}")
        sections = [sum(sections[:end]) for end in range(1, len(sections))]
    return Count(tuple(shaped(part) for part in np.split(np.zeros(x), sections, axis=at)))
