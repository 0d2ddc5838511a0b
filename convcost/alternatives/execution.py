"""Proof by execution: a small numpy engine that runs convolutions and pools, and counts the multiplications it does.

Nothing here uses the cost rules. Every product is computed, and counted by the size of the array that holds it;
products with a padding zero are identified by convolving a mask of the padding. Of a training step both gradients are
computed in the same way, from the gradient of the output; one to a padding zero is computed as well, and left out at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.alternatives.recipes import Alternative, BuiltStep, LayerToBuild
from convcost.core.dims import Array
from convcost.core.errors import UsageError
from convcost.core.units import exact
from convcost.ops.window import dilated, slide

#: The most work that is run, in multiplications, of all ways together: some seconds.
MOST = 1_000_000_000
_READ = 10
"""Multiplications that take as long as reading an element of a map."""
_PASS = 2_000
"""And as long as a pass over arrays takes however small these are: a tap of some filters at some positions."""
_PRODUCTS = 8_000_000
MOST_HELD = 50_000_000
"""Elements of a padded map, of weights or of an output; 400 MB of integers."""
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
    return convolve(image, weights, stride=stride, padding=padding, dilation=dilation, groups=groups, counter=counter)


def convolve(
    image: Array,
    weights: Array,
    *,
    stride: Sequence[int] = (),
    padding: Sequence[Any] = (),
    dilation: Sequence[int] = (),
    groups: int = 1,
    counter: Counter | None = None,
) -> Array:
    """As `conv2d`, along any number of axes: weights are (a size per axis, then c / groups, filters), and the image has
    these axes and its channels. What is given as `()` is 1, or no padding, along each axis.

    Differences of neighbours in a sequence:

    >>> convolve(np.array([[1], [4], [9], [16]]), np.array([-1, 1])[:, None, None])[:, 0]
    array([3, 5, 7])
    """
    counter = counter or Counter()
    kernel = weights.shape[:-2]
    stride, padding, dilation = _window(kernel, stride, padding, dilation)
    padded, zeros = _pad(image, kernel, stride, padding, dilation)
    first, *others = _starts(padded.shape, kernel, stride, dilation)
    filters, at_once = _at_once([*map(len, others), weights.shape[-2]], weights.shape[-1] // groups)
    bands = [first[low : low + at_once] for low in range(0, len(first), at_once)]
    groups_of = zip(np.split(padded, groups, axis=-1), np.split(weights, groups, axis=-1), strict=True)
    pairs = [
        (part, own[..., low : low + filters]) for part, own in groups_of for low in range(0, own.shape[-1], filters)
    ]
    outputs = []
    for part, some in pairs:
        totals = []
        for band in bands:
            total: Array | int = 0
            for tap in np.ndindex(*kernel):
                starts = zip((band, *others), tap, dilation, strict=True)
                here = np.ix_(*(start + step * apart for start, step, apart in starts))
                products = part[here][..., None] * some[tap]
                counter.multiplications += products.size
                counter.with_padding += int(zeros[here].sum()) * some[tap].size
                total = total + products.sum(axis=-2)
            totals.append(total)
        outputs.append(np.concatenate(totals, axis=0))
    return np.concatenate(outputs, axis=-1)


def input_gradient(
    given: Array,
    weights: Array,
    shape: Sequence[int],
    *,
    stride: Sequence[int] = (),
    padding: Sequence[Any] = (),
    dilation: Sequence[int] = (),
    groups: int = 1,
    counter: Counter | None = None,
) -> Array:
    """The gradient to the input, of this shape, of a convolution, from the `given` gradient of its output: each is multiplied
    with each tap, and added where the tap read. So does a transposed convolution with its input, which has this output shape.

    What `convolve` makes differences of, [1, 4, 9] of [-1, 1], changes with each element so much:

    >>> input_gradient(np.array([[1], [1]]), np.array([-1, 1])[:, None, None], (3, 1))[:, 0]
    array([-1,  0,  1])
    """
    counter = counter or Counter()
    kernel = weights.shape[:-2]
    window = _window(kernel, stride, padding, dilation)
    padded, zeros = _pad(np.zeros(shape, dtype=given.dtype), kernel, *window)
    starts = _starts(padded.shape, kernel, window[0], window[2])
    parts = []
    groups_of = (np.split(array, groups, axis=-1) for array in (padded, given, weights))
    for total, out, own in zip(*groups_of, strict=True):
        for tap in np.ndindex(*kernel):
            here = np.ix_(*(start + step * apart for start, step, apart in zip(starts, tap, window[2], strict=True)))
            products = out[..., None, :] * own[tap]
            counter.multiplications += products.size
            counter.with_padding += int(zeros[here].sum()) * own[tap].size
            total[here] += products.sum(axis=-1)
        parts.append(total)
    inside = tuple(slice(before, before + size) for (before, _), size in zip(_widths(shape, kernel, *window), shape))
    return np.concatenate(parts, axis=-1)[inside]


def weight_gradient(
    image: Array,
    given: Array,
    kernel: Sequence[int],
    *,
    stride: Sequence[int] = (),
    padding: Sequence[Any] = (),
    dilation: Sequence[int] = (),
    groups: int = 1,
    counter: Counter | None = None,
) -> Array:
    """The gradient to the weights of a convolution, as `convolve` takes them: each tap reads the image, and multiplies what it
    reads with the `given` gradient of the output.

    >>> weight_gradient(np.array([[1], [4], [9]]), np.array([[1], [1]]), (2,))[:, 0, 0]  # 1 + 4, 4 + 9
    array([ 5, 13])
    """
    counter = counter or Counter()
    window = _window(kernel, stride, padding, dilation)
    padded, zeros = _pad(image, kernel, *window)
    starts = _starts(padded.shape, kernel, window[0], window[2])
    parts = []
    for part, out in zip(np.split(padded, groups, axis=-1), np.split(given, groups, axis=-1), strict=True):
        found = np.zeros((*kernel, part.shape[-1], out.shape[-1]), dtype=given.dtype)
        for tap in np.ndindex(*kernel):
            here = np.ix_(*(start + step * apart for start, step, apart in zip(starts, tap, window[2], strict=True)))
            products = part[here][..., None] * out[..., None, :]
            counter.multiplications += products.size
            counter.with_padding += int(zeros[here].sum()) * found[tap].size
            found[tap] = products.reshape(-1, *found[tap].shape).sum(axis=0)
        parts.append(found)
    return np.concatenate(parts, axis=-1)


def multiply(x: Array, y: Array, counter: Counter | None = None) -> Array:
    """The product of two matrices, or of each pair along leading axes, counting products: linear layers, attention.

    Its gradients are such products too: `multiply(given, yᵀ)` to x, and `multiply(xᵀ, given)` to y.

    >>> multiply(np.array([[1, 2]]), np.array([[3], [4]]), counted := Counter()), counted.multiplications
    (array([[11]]), 2)
    """
    products = x[..., :, :, None] * y[..., None, :, :]
    if counter is not None:
        counter.multiplications += products.size
    total: Array = products.sum(axis=-2)
    return total


def pool(
    image: Array,
    kernel: Sequence[int],
    *,
    stride: Sequence[int] | None = None,
    padding: Sequence[Any] = (),
    reduce: Callable[..., Array] = np.max,
) -> Array:
    """Reduce each window of an image, of as many axes as the kernel and channels, to one number per channel.

    Nothing is multiplied.

    >>> pool(np.arange(16).reshape(4, 4, 1), (2, 2))[:, :, 0]
    array([[ 5,  7],
           [13, 15]])
    """
    stride, ones = stride or kernel, (1,) * len(kernel)
    # A zero around the map must not win against negative elements; to an average it counts as zero.
    fill = image.min() if reduce is np.max and image.size else 0
    padded, _ = _pad(image, kernel, stride, padding or ((0, 0),) * len(kernel), ones, fill)
    starts = _starts(padded.shape, kernel, stride, ones)
    taps = np.ndindex(*kernel)
    windows = [padded[np.ix_(*(start + step for start, step in zip(starts, tap, strict=True)))] for tap in taps]
    return reduce(np.stack(windows, axis=-1), axis=-1)


def execute(layer: LayerToBuild, alternative: Alternative, seed: int = 0) -> list[StepRun]:
    """Run an alternative's convolutions on random integers, one after the other; raises `UsageError` as `check_work` does.

    >>> from convcost.alternatives.recipes import build
    >>> layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    >>> [run.multiplications for run in execute(layer, build(layer, "separable"))]
    [432, 240]
    """
    check_work([alternative])
    random = np.random.default_rng(seed)
    value = random.integers(-9, 10, layer.input_shape)
    runs = []
    for step in alternative.steps:
        attrs = step.part.converted()
        shape = (*attrs["kernel"], value.shape[-1] // attrs["groups"], attrs["channels"])
        counter = Counter()
        names = ("stride", "padding", "dilation", "groups")
        weights = random.integers(-9, 10, shape)
        value = convolve(value, weights, **{name: attrs[name] for name in names}, counter=counter)
        runs.append(StepRun(step.name, value, counter.multiplications, counter.with_padding))
    return runs


def check_work(alternatives: Sequence[Alternative]) -> None:
    """Raise `UsageError` if running all of them would take too long, or one of them too much memory."""
    if (work := sum(_work(step) for one in alternatives for step in one.steps)) > MOST:
        what = alternatives[0].name if len(alternatives) == 1 else f"these {len(alternatives)} ways"
        raise UsageError(
            f"executing {what} takes as long as {exact(work)} multiplications, about {exact(work // PER_SECOND)} s; the most "
            f"that is run is {exact(MOST)}. Give a smaller --input or --kernel, or fewer --filters"
        )
    for one in alternatives:
        if (held := max(map(_held, one.steps))) > MOST_HELD:
            raise UsageError(
                f"executing {one.name} holds {exact(held)} elements at once; the most that is held is {exact(MOST_HELD)}. "
                "Give a smaller --input or --padding, or fewer --filters"
            )


def _work(step: BuiltStep) -> int:
    """How long `convolve` takes for a step, in multiplications."""
    kernel, groups = step.part.converted()["kernel"], step.part.converted()["groups"]
    (first, *others, outputs), inputs = step.cost.out[0], step.input_shape[-1]
    filters, at_once = _at_once([*others, inputs // groups], outputs // groups)
    times = prod(kernel) * -(-outputs // groups // filters)  # that each group of channels is read
    passes = times * groups * -(-first // at_once)
    return int(step.cost.macs + _READ * times * inputs * prod([first, *others]) + _PASS * passes)


def _held(step: BuiltStep) -> int:
    """The elements of the largest array of a step: its input with the zeros around it, its weights or its output."""
    attrs = step.part.converted()
    widths = _widths(step.input_shape, *(attrs[name] for name in ("kernel", "stride", "padding", "dilation")))
    padded = [size + before + after for size, (before, after) in zip(step.input_shape, widths)]
    channels = step.input_shape[-1]
    weights = prod(attrs["kernel"]) * channels // attrs["groups"] * attrs["channels"]
    return int(max(prod(padded) * channels, weights, prod(step.cost.out[0])))


def _at_once(plane: Sequence[int], filters: int) -> tuple[int, int]:
    """How many filters, and positions of the first axis, a pass is of, so that its products never fill the memory.

    `plane` are the positions along the other axes, and the channels that a filter sees.
    """
    each = max(1, prod(plane))
    return max(1, _PRODUCTS // each), max(1, _PRODUCTS // max(1, each * filters))


def _window(
    kernel: Sequence[int], stride: Sequence[int], padding: Sequence[Any], dilation: Sequence[int]
) -> tuple[Sequence[int], Sequence[Any], Sequence[int]]:
    """Stride, padding and dilation along each axis; 1, and none, where they are not given."""
    ones = (1,) * len(kernel)
    return tuple(stride) or ones, padding or ((0, 0),) * len(kernel), tuple(dilation) or ones


def _widths(shape: Sequence[int], kernel: Any, stride: Any, padding: Any, dilation: Any) -> list[tuple[int, int]]:
    """The zeros (before, after) of each axis that windows slide along."""
    axes = zip(shape, kernel, stride, padding, dilation)
    slid = (slide(size, dilated(taps, apart), step, zeros) for size, taps, step, zeros, apart in axes)
    return [(one.before, one.after) for one in slid]


def _pad(image: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, fill: int = 0) -> tuple[Array, Array]:
    """The padded image, and a mask of the padding."""
    widths = _widths(image.shape, kernel, stride, padding, dilation)
    inside = np.zeros(image.shape[:-1], dtype=bool)
    return np.pad(image, [*widths, (0, 0)], constant_values=fill), np.pad(inside, widths, constant_values=True)


def _starts(shape: Any, kernel: Any, stride: Any, dilation: Any) -> list[Array]:
    """Where windows start along each axis: every `stride`-th position from which the whole window still fits."""
    axes = zip(shape, kernel, stride, dilation)
    return [np.arange(0, size - apart * (taps - 1), step) for size, taps, step, apart in axes]
