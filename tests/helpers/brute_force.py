"""A slow, independent counter for the cost of neural-network operations, to test closed-form rules against.

Nothing here knows a cost formula. Multiplications are counted one by one in nested loops, parameters are the distinct
indices that those loops use, and output positions are those of all windows that, when tried, fit. Keep shapes tiny.

Shapes are ``(height, width, channels)`` for maps and ``(channels,)`` for vectors, for a batch of one. Kernels, strides
and dilations are ``(height, width)``. A padding is ``"valid"``, ``"same"``, one int for all sides, ``(height, width)``
or ``(top, bottom, left, right)``. An operation that cannot be carried out raises ``ValueError``, and an axis that the
input lacks ``LookupError``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = str | int | tuple[int, ...]

AXES = {"height": -3, "width": -2, "channels": -1}


@dataclass(frozen=True)
class Count:
    """What one operation gives and costs; ``padding_macs`` are those ``macs`` that `conv2d` spends on padded zeros."""

    out: tuple[Shape, ...]
    macs: int = 0
    bias_adds: int = 0
    weights: int = 0
    biases: int = 0
    buffers: int = 0
    elementwise: int = 0
    zeros: int = 0
    padding_macs: int = 0


def _taps(kernel: Pair, dilation: Pair) -> list[list[int]]:
    """Return, for each axis, the offset of every kernel tap from the window's start."""
    return [list(range(0, kernel[axis] * dilation[axis], dilation[axis])) for axis in (0, 1)]


def _starts(length: int, taps: list[int], stride: int) -> list[int]:
    """Return the starts of all windows that fit into ``length`` pixels, found by trying.

    >>> _starts(6, [0, 1, 2], stride=2)
    [0, 2]
    """
    return [start for start in range(0, length, stride) if start + taps[-1] < length]


def _starts_ceil(length: int, before: int, after: int, taps: list[int], stride: int) -> list[int]:
    """Return the starts of all windows in ceil mode: those that fit, then perhaps one that overhangs the end.

    As in torch, that one is taken only if it starts before the padding at the end, and if a window one stride earlier
    (which may itself start before the first pixel) leaves pixels at the end uncovered.

    >>> _starts_ceil(5, before=1, after=1, taps=[0, 1], stride=3)  # a window at 6 would start in the padding
    [0, 3]
    """
    padded = before + length + after
    starts = _starts(padded, taps, stride)
    candidate = starts[-1] + stride if starts else 0
    if candidate - stride + taps[-1] < padded - 1 and candidate < before + length:
        starts.append(candidate)
    return starts


def _same_sides(length: int, taps: list[int], stride: int) -> Pair:
    """Return TensorFlow's "same" padding: the least that gives one window for every ``stride``-th input pixel.

    >>> _same_sides(6, [0, 1, 2], stride=2)  # the odd pixel goes after
    (0, 1)
    """
    windows = len(range(0, length, stride))
    before = after = 0
    while len(_starts(before + length + after, taps, stride)) < windows:
        if after > before:
            before += 1
        else:
            after += 1
    return before, after


def _sides(padding: Padding, size: Shape, taps: Sequence[list[int]], stride: Pair) -> tuple[Pair, Pair]:
    """Return a padding as ``((top, bottom), (left, right))``."""
    if padding == "same":
        return _same_sides(size[0], taps[0], stride[0]), _same_sides(size[1], taps[1], stride[1])
    return _explicit_sides(padding)


def _explicit_sides(padding: Padding) -> tuple[Pair, Pair]:
    match padding:
        case "valid":
            return (0, 0), (0, 0)
        case int(every):
            return (every, every), (every, every)
        case (rows, columns):
            return (rows, rows), (columns, columns)
        case (top, bottom, left, right):
            return (top, bottom), (left, right)
    raise ValueError(f"not a padding: {padding!r}")


def _check(possible: bool, problem: str) -> None:
    if not possible:
        raise ValueError(problem)


def _connections(depth: int, channels: int, groups: int) -> list[Pair]:
    """Return all pairs of an input channel and an output channel in the same one of equal groups."""
    _check(depth % groups == 0 and channels % groups == 0, f"{depth} -> {channels} channels in {groups} groups")
    pairs = product(range(depth), range(channels))
    return [(i, o) for i, o in pairs if i // (depth // groups) == o // (channels // groups)]


def conv2d(
    x: Shape,
    channels: int,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = "valid",
    dilation: Pair = (1, 1),
    groups: int = 1,
    bias: bool = True,
) -> Count:
    """Count a convolution.

    >>> conv2d((6, 6, 3), 5, (3, 3))
    Count(out=((4, 4, 5),), macs=2160, bias_adds=80, weights=135, biases=5, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    >>> conv2d((6, 6, 3), 3, (3, 3), groups=3).macs, conv2d((4, 4, 3), 5, (1, 1)).macs  # depthwise, pointwise
    (432, 240)
    >>> conv2d((2, 2, 1), 1, (3, 3), padding="same").padding_macs  # 5 of 9 taps in each of 4 windows
    20
    """
    height, width, depth = x
    connections = _connections(depth, channels, groups)
    taps = _taps(kernel, dilation)
    (top, bottom), (left, right) = _sides(padding, (height, width), taps, stride)
    rows = _starts(top + height + bottom, taps[0], stride[0])
    columns = _starts(left + width + right, taps[1], stride[1])
    _check(bool(rows and columns), "no window fits")

    macs = padding_macs = 0
    weights = set()
    for row, column in product(rows, columns):
        for tap_y, tap_x in product(*taps):
            on_map = top <= row + tap_y < top + height and left <= column + tap_x < left + width
            for source, target in connections:
                macs += 1
                padding_macs += not on_map
                weights.add((source, target, tap_y, tap_x))
    out = (len(rows), len(columns), channels)
    return _with_bias(out, macs, len(weights), bias, padding_macs)


def conv_transpose2d(
    x: Shape,
    channels: int,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = "valid",
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    bias: bool = True,
) -> Count:
    """Count a transposed convolution: every pixel times every tap is added to a canvas, which is then cropped.

    The canvas ends where the last product lands, as in torch (Keras's "valid" is longer if the kernel is smaller than
    the stride). The padding crops it, and the output padding then adds rows and columns at the bottom and right.
    "same" gives exactly ``stride`` pixels for each input pixel, and so takes no output padding.

    >>> conv_transpose2d((2, 2, 1), 3, (3, 3), stride=(2, 2))
    Count(out=((5, 5, 3),), macs=108, bias_adds=75, weights=27, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    >>> conv_transpose2d((2, 2, 1), 1, (3, 3), (2, 2), padding=1, output_padding=(1, 1)).out
    ((4, 4, 1),)
    """
    height, width, depth = x
    connections = _connections(depth, channels, groups)
    macs = 0
    weights = set()
    canvas_rows, canvas_columns = set(), set()
    for row, column in product(range(height), range(width)):
        for tap_y, tap_x in product(*_taps(kernel, dilation)):
            canvas_rows.add(row * stride[0] + tap_y)
            canvas_columns.add(column * stride[1] + tap_x)
            for source, target in connections:
                macs += 1
                weights.add((source, target, tap_y, tap_x))
    if padding == "same":
        _check(output_padding == (0, 0), 'padding "same" takes no output padding')
        size = (height * stride[0], width * stride[1])
    else:
        tall, wide = _explicit_sides(padding)
        size_y = max(canvas_rows) + 1 - sum(tall) + output_padding[0]
        size = (size_y, max(canvas_columns) + 1 - sum(wide) + output_padding[1])
    _check(min(size) > 0, "nothing is left of the canvas")
    return _with_bias((*size, channels), macs, len(weights), bias)


def conv2d_table(
    x: Shape,
    connections: Sequence[Sequence[int]],
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = "valid",
    dilation: Pair = (1, 1),
    bias: bool = True,
) -> Count:
    """Count a convolution whose every filter names the input channels it reads.

    >>> conv2d_table((3, 2, 3), [[0, 2], [1]], (2, 2)).macs  # 2 windows of 4 pixels, 3 channels read by a filter
    24
    """
    height, width, depth = x
    _check(all(source in range(depth) for row in connections for source in row), f"{depth} channels, {connections}")
    taps = _taps(kernel, dilation)
    (top, bottom), (left, right) = _sides(padding, (height, width), taps, stride)
    rows = _starts(top + height + bottom, taps[0], stride[0])
    columns = _starts(left + width + right, taps[1], stride[1])
    _check(bool(rows and columns), "no window fits")
    macs = 0
    weights = set()
    for _ in product(rows, columns):
        for tap in product(*taps):
            for target, row in enumerate(connections):
                for source in row:
                    macs += 1
                    weights.add((source, target, tap))
    return _with_bias((len(rows), len(columns), len(connections)), macs, len(weights), bias)


def linear(x: Shape, channels: int, bias: bool = True) -> Count:
    """Count a fully connected layer on a vector.

    >>> linear((4,), 3)
    Count(out=((3,),), macs=12, bias_adds=3, weights=12, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    (depth,) = x
    macs = 0
    weights = set()
    for source, target in product(range(depth), range(channels)):
        macs += 1
        weights.add((source, target))
    return _with_bias((channels,), macs, len(weights), bias)


def rbf(x: Shape, channels: int) -> Count:
    """Count the squared distances from fixed points: a difference times itself, accumulated, for each coordinate.

    >>> rbf((4,), 3)
    Count(out=((3,),), macs=12, bias_adds=0, weights=0, biases=0, buffers=12, elementwise=0, zeros=0, padding_macs=0)
    """
    (depth,) = x
    macs = 0
    coordinates = set()
    for source, target in product(range(depth), range(channels)):
        macs += 1
        coordinates.add((source, target))
    return Count(((channels,),), macs, buffers=len(coordinates))


def _with_bias(out: Shape, macs: int, weights: int, bias: bool, padding_macs: int = 0) -> Count:
    """Add one bias for each output channel, added once to each output element."""
    bias_adds = 0
    biases = set()
    for element in product(*map(range, out)):
        if bias:
            bias_adds += 1
            biases.add(element[-1])
    return Count((out,), macs, bias_adds, weights, len(biases), padding_macs=padding_macs)


def batch_norm(x: Shape, scale: bool = True, shift: bool = True) -> Count:
    """Count batch normalization, with a running mean and variance for each channel.

    >>> batch_norm((4, 4, 3), shift=False)
    Count(out=((4, 4, 3),), macs=0, bias_adds=0, weights=3, biases=0, buffers=6, elementwise=0, zeros=0, padding_macs=0)
    """
    scales = {channel for channel in range(x[-1]) if scale}
    shifts = {channel for channel in range(x[-1]) if shift}
    statistics = set(product(("mean", "variance"), range(x[-1])))
    return Count((x,), weights=len(scales), biases=len(shifts), buffers=len(statistics))


def layer_norm(x: Shape, scale: bool = True, shift: bool = True) -> Count:
    """Count layer normalization over the channel axis: as batch normalization, but with nothing to remember."""
    norm = batch_norm(x, scale, shift)
    return Count(norm.out, weights=norm.weights, biases=norm.biases)


def group_norm(x: Shape, groups: int, scale: bool = True, shift: bool = True) -> Count:
    """Count normalization over groups of channels: each channel has its own scale and shift all the same."""
    _check(x[-1] % groups == 0, f"{x[-1]} channels in {groups} groups")
    return layer_norm(x, scale, shift)


def scale(x: Shape, shift: bool = False) -> Count:
    """Count a learnt factor for each channel, and perhaps a shift that is added to each element.

    >>> scale((2, 2, 3), shift=True)
    Count(out=((2, 2, 3),), macs=0, bias_adds=12, weights=3, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    return _with_bias(x, 0, len(set(range(x[-1]))), shift)


def max_pool(
    x: Shape, kernel: Pair, stride: Pair, padding: Padding = 0, dilation: Pair = (1, 1), ceil_mode: bool = False
) -> Count:
    """Count pooling with torch's rules for the windows.

    >>> max_pool((6, 6, 1), (3, 3), (2, 2)).out, max_pool((6, 6, 1), (3, 3), (2, 2), ceil_mode=True).out
    (((2, 2, 1),), ((3, 3, 1),))
    """
    taps = _taps(kernel, dilation)
    sides = _sides(padding, (x[0], x[1]), taps, stride)
    size = []
    for axis, (before, after) in enumerate(sides):
        starts = _starts(before + x[axis] + after, taps[axis], stride[axis])
        if ceil_mode:
            starts = _starts_ceil(x[axis], before, after, taps[axis], stride[axis])
        size.append(len(starts))
    _check(min(size) > 0, "no window fits")
    return Count(((*size, x[2]),))


avg_pool = max_pool


def subsample(x: Shape, kernel: Pair) -> Count:
    """Count LeNet-5's pooling: windows side by side that use up the map; a coefficient and a bias for each channel.

    >>> subsample((4, 4, 3), (2, 2))
    Count(out=((2, 2, 3),), macs=0, bias_adds=12, weights=3, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    rows, columns = (range(0, size, step) for size, step in zip(x, kernel, strict=False))
    _check(rows[-1] + kernel[0] == x[0] and columns[-1] + kernel[1] == x[1], "pixels are left over")
    return _with_bias((len(rows), len(columns), x[2]), 0, len(set(range(x[2]))), True)


def global_avg_pool(x: Shape) -> Count:
    """Count pooling of each whole channel to one pixel."""
    return resize(x, (1, 1))


global_max_pool = global_avg_pool


def flatten(x: Shape) -> Count:
    """Count making a vector of all elements."""
    return Count(((len(list(product(*map(range, x)))),),))


def add(*xs: Shape) -> Count:
    """Count the sum of inputs of one shape."""
    _check(len(set(xs)) == 1, f"cannot add {xs}")
    return Count((xs[0],), elementwise=len(xs[1:]) * len(list(product(*map(range, xs[0])))))


def multiply(x: Shape, *gates: Shape) -> Count:
    """Count ``x`` times gates that stretch to its shape from axes of length 1; gates are no weights, so no ``macs``."""
    for gate in gates:
        fits = len(gate) <= len(x) and all(g in (1, n) for g, n in zip(reversed(gate), reversed(x), strict=False))
        _check(fits, f"gate {gate} does not fit {x}")
    return Count((x,), elementwise=len(gates) * len(list(product(*map(range, x)))))


def concat(*xs: Shape, axis: str = "channels") -> Count:
    """Count laying inputs side by side along one axis."""
    _check(len({_resized(x, axis, 1) for x in xs}) == 1, f"cannot concatenate {xs}")
    return Count((_resized(xs[0], axis, sum(x[AXES[axis]] for x in xs)),))


def slice_(x: Shape, start: int | None, stop: int | None, axis: str = "channels") -> Count:
    """Count taking ``start:stop``, as Python does, along one axis."""
    kept = range(x[AXES[axis]])[start:stop]
    _check(len(kept) > 0, "the slice is empty")
    return Count((_resized(x, axis, len(kept)),))


def split(x: Shape, sections: int | Sequence[int], axis: str = "channels") -> Count:
    """Count cutting into a number of equal parts, or into parts of the given lengths.

    >>> split((2, 2, 6), 2).out, split((2, 2, 6), [1, 5]).out
    (((2, 2, 3), (2, 2, 3)), ((2, 2, 1), (2, 2, 5)))
    """
    length = x[AXES[axis]]
    lengths = [length // sections] * sections if isinstance(sections, int) else list(sections)
    _check(sum(lengths) == length, f"cannot split {length} into {sections}")
    return Count(tuple(_resized(x, axis, part) for part in lengths))


def channel_shuffle(x: Shape, groups: int) -> Count:
    """Count interleaving the channels of equal groups."""
    _check(x[-1] % groups == 0, f"{x[-1]} channels in {groups} groups")
    return Count((x,))


def depth_to_space(x: Shape, block: int) -> Count:
    """Count spreading channels: element (i, j, k) goes to a position inside the block at (i, j).

    >>> depth_to_space((1, 2, 8), 2).out
    ((2, 4, 2),)
    """
    _check(x[-1] % (block * block) == 0, f"{x[-1]} channels over blocks of {block}")
    targets = {
        (i * block + k % (block * block) // block, j * block + k % block, k // (block * block))
        for i, j, k in product(*map(range, x))
    }
    return Count((_extent(targets),))


def space_to_depth(x: Shape, block: int) -> Count:
    """Count stacking blocks: each element goes to the block that it lies in.

    >>> space_to_depth((2, 4, 2), 2).out
    ((1, 2, 8),)
    """
    _check(x[0] % block == 0 and x[1] % block == 0, f"blocks of {block} on {x[0]}x{x[1]}")
    targets = {
        (i // block, j // block, k * block * block + i % block * block + j % block)
        for i, j, k in product(*map(range, x))
    }
    return Count((_extent(targets),))


def _extent(positions: set[tuple[int, int, int]]) -> Shape:
    """The shape that positions fill without a gap."""
    shape = tuple(1 + max(axis) for axis in zip(*positions))
    assert len(positions) == shape[0] * shape[1] * shape[2]
    return shape


def pad(x: Shape, padding: Padding) -> Count:
    """Count adding pixels around a map."""
    (top, bottom), (left, right) = _explicit_sides(padding)
    return Count(((top + x[0] + bottom, left + x[1] + right, x[2]),))


def local_response_norm(x: Shape, size: int = 5) -> Count:
    """Count, at each position, the channels outside of the map that windows of ``size`` channels reach.

    >>> local_response_norm((1, 2, 3), size=2).zeros
    2
    """
    height, width, channels = x
    reached = {channel + offset - size // 2 for channel in range(channels) for offset in range(size)}
    outside = [channel for channel in reached if channel not in range(channels)]
    return Count((x,), zeros=len(list(product(range(height), range(width), outside))))


def upsample(x: Shape, scale: Pair) -> Count:
    """Count enlarging a map by whole factors."""
    return Count(((x[0] * scale[0], x[1] * scale[1], x[2]),))


def resize(x: Shape, size: Pair) -> Count:
    """Count scaling a map to a given size."""
    return Count(((*size, x[2]),))


adaptive_avg_pool = resize


def _resized(x: Shape, axis: str, length: int) -> Shape:
    sizes = list(x)
    sizes[AXES[axis]] = length
    return tuple(sizes)
