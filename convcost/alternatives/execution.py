"""Proof by execution: a small numpy engine that runs convolutions and pools, and counts the multiplications it does.

Nothing here uses the cost rules. Every product is computed, and counted by the size of the array that holds it;
products with a padding zero are identified by convolving a mask of the padding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from convcost.alternatives.recipes import Alternative, BuiltStep, LayerToBuild
from convcost.core.dims import Array, elements
from convcost.core.errors import UsageError
from convcost.core.units import exact
from convcost.ops.window import dilated, slide

#: The most multiplications that `execute` runs: a few seconds.
MOST = 1_000_000_000
_PRODUCTS = 8_000_000
MOST_HELD = 50_000_000
"""Elements of a padded map; 400 MB of integers."""
#: Multiplications per second on one ordinary core, roughly; only for the estimate in the error message.
PER_SECOND = 100_000_000


@dataclass
class Counter:
    """Multiplications performed so far, and how many of them had a padding zero as a factor."""

    multiplications: int = 0
    with_padding: int = 0


class StepRun(NamedTuple):
    """The result of running one op."""

    name: str
    output: Array
    multiplications: int
    with_padding: int


def conv2d(
    image: Array,
    weights: Array,
    *,
    stride: tuple[int, int] = (1, 1),
    padding: Any = ((0, 0), (0, 0)),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    counter: Counter | None = None,
) -> Array:
    """Convolve an (h, w, c) image with (kernel_h, kernel_w, c / groups, filters) weights, counting products.

    As in all of deep learning, the filter is not flipped. The course's vertical edge detector on a bright left half:

    >>> image = np.repeat([[10, 10, 10, 0, 0, 0]], 6, axis=0)[:, :, None]
    >>> filter = np.repeat([[1, 0, -1]], 3, axis=0)[:, :, None, None]
    >>> conv2d(image, filter)[:, :, 0][0]
    array([ 0, 30, 30,  0])
    """
    counter = counter or Counter()
    kernel = weights.shape[:2]
    padded, zeros = _pad(image, kernel, stride, padding, dilation)
    starts = _starts(padded.shape, kernel, stride, dilation)
    groups_in = np.split(padded, groups, axis=2)
    groups_of = np.split(weights, groups, axis=3)
    # Some output rows at a time, so that the products of one tap never fill the memory.
    at_once = max(1, _PRODUCTS // max(1, len(starts[1]) * groups_of[0][0, 0].size))
    bands = [starts[0][low : low + at_once] for low in range(0, len(starts[0]), at_once)]
    outputs = []
    for part, filters in zip(groups_in, groups_of, strict=True):
        rows_of_group = []
        for band in bands:
            total: Array | int = 0
            for y, x in np.ndindex(*kernel):
                here = np.ix_(band + y * dilation[0], starts[1] + x * dilation[1])
                products = part[here][:, :, :, None] * filters[y, x]
                counter.multiplications += products.size
                counter.with_padding += int(zeros[here].sum()) * filters[y, x].size
                total = total + products.sum(axis=2)
            rows_of_group.append(total)
        outputs.append(np.concatenate(rows_of_group, axis=0))
    return np.concatenate(outputs, axis=2)


def pool(
    image: Array,
    kernel: tuple[int, int],
    *,
    stride: tuple[int, int] | None = None,
    padding: Any = ((0, 0), (0, 0)),
    reduce: Callable[..., Array] = np.max,
) -> Array:
    """Reduce each window of an (h, w, c) image to one number per channel; nothing is multiplied.

    >>> pool(np.arange(16).reshape(4, 4, 1), (2, 2))[:, :, 0]
    array([[ 5,  7],
           [13, 15]])
    """
    stride = stride or kernel
    # A zero around the map must not win against negative elements; to an average it counts as zero.
    fill = image.min() if reduce is np.max and image.size else 0
    padded, _ = _pad(image, kernel, stride, padding, (1, 1), fill)
    rows, columns = _starts(padded.shape, kernel, stride, (1, 1))
    windows = np.stack(
        [padded[np.ix_(rows + y, columns + x)] for y in range(kernel[0]) for x in range(kernel[1])], axis=-1
    )
    return reduce(windows, axis=-1)


def execute(layer: LayerToBuild, alternative: Alternative, seed: int = 0) -> list[StepRun]:
    """Run an alternative's convolutions on random integers, one after the other; raises `UsageError` if too large.

    >>> from convcost.alternatives.recipes import build
    >>> layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    >>> [run.multiplications for run in execute(layer, build(layer, "separable"))]
    [432, 240]
    """
    if alternative.macs > MOST:
        seconds = alternative.macs // PER_SECOND
        raise UsageError(
            f"executing {alternative.name} takes {exact(alternative.macs)} multiplications, about {exact(seconds)} s; "
            f"the most that is run is {exact(MOST)}. Give a smaller --input or fewer --filters"
        )
    held = max(
        elements([(s.input_shape[0] + z[0], s.input_shape[1] + z[1], s.input_shape[2])]) for s, z in _zeros(alternative)
    )
    if held > MOST_HELD:
        raise UsageError(
            f"executing {alternative.name} holds {exact(held)} elements at once; the most that is held is "
            f"{exact(MOST_HELD)}. Give a smaller --input or --padding"
        )
    random = np.random.default_rng(seed)
    value = random.integers(-9, 10, layer.input_shape)
    runs = []
    for step in alternative.steps:
        attrs = step.part.converted()
        shape = (*attrs["kernel"], value.shape[2] // attrs["groups"], attrs["channels"])
        counter = Counter()
        names = ("stride", "padding", "dilation", "groups")
        weights = random.integers(-9, 10, shape)
        value = conv2d(value, weights, **{name: attrs[name] for name in names}, counter=counter)
        runs.append(StepRun(step.name, value, counter.multiplications, counter.with_padding))
    return runs


def _zeros(alternative: Alternative) -> list[tuple[BuiltStep, tuple[int, int]]]:
    """Each step, with the zeros that its padding adds to height and width."""
    found = []
    for step in alternative.steps:
        attrs = step.part.converted()
        axes = zip(step.input_shape, attrs["kernel"], attrs["stride"], attrs["dilation"], attrs["padding"])
        slid = [slide(size, dilated(kernel, apart), stride, zeros) for size, kernel, stride, apart, zeros in axes]
        found.append((step, (slid[0].before + slid[0].after, slid[1].before + slid[1].after)))
    return found


def _pad(image: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, fill: int = 0) -> tuple[Array, Array]:
    """The padded image, and a mask of the padding."""
    widths = []
    for axis in (0, 1):
        made = slide(image.shape[axis], dilated(kernel[axis], dilation[axis]), stride[axis], padding[axis])
        widths.append((made.before, made.after))
    inside = np.zeros(image.shape[:2], dtype=bool)
    return np.pad(image, [*widths, (0, 0)], constant_values=fill), np.pad(inside, widths, constant_values=True)


def _starts(shape: Any, kernel: Any, stride: Any, dilation: Any) -> tuple[Array, Array]:
    """Where windows start: every `stride`-th position from which the whole window still fits."""
    rows, columns = (np.arange(0, shape[axis] - dilation[axis] * (kernel[axis] - 1), stride[axis]) for axis in (0, 1))
    return rows, columns
