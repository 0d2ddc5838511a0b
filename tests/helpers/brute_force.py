"""A slow, independent counter for the cost of neural-network operations, to test closed-form rules against.

Nothing here knows a cost formula. Multiplications are counted one by one in nested loops, parameters are the distinct
indices that those loops use, and output positions are those of all windows that, when tried, fit. Keep shapes tiny.

Shapes are positions first and channels last, ``(height, width, channels)`` for maps, for a batch of one. Kernels, strides
and dilations have an entry for each axis that a window slides along, the last ones before the channels. A padding is
``"valid"``, ``"same"``, ``"causal"``, one int for all sides, one per axis, or two per axis. An operation that cannot be carried out raises ``ValueError``, and an axis that the
input lacks ``LookupError``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Shape = tuple[int, ...]
Sizes = tuple[int, ...]
Pair = tuple[int, int]
Padding = str | int | tuple[int, ...]

NAMED = {
    1: ("channels",),
    2: ("length", "channels"),
    3: ("height", "width", "channels"),
    4: ("depth", "height", "width", "channels"),
}


@dataclass(frozen=True)
class Count:
    """What one operation gives and costs; ``padding_macs`` are those ``macs`` that a convolution spends on padded zeros."""

    out: tuple[Shape, ...]
    macs: int = 0
    bias_adds: int = 0
    weights: int = 0
    biases: int = 0
    buffers: int = 0
    elementwise: int = 0
    zeros: int = 0
    padding_macs: int = 0


def _taps(kernel: Sizes, dilation: Sizes | None) -> list[list[int]]:
    """Return, for each axis, the offset of every kernel tap from the window's start."""
    return [list(range(0, k * d, d)) for k, d in zip(kernel, dilation or (1,) * len(kernel), strict=True)]


def _parted(x: Shape, axes: int) -> tuple[Shape, Shape, int]:
    """Return the axes before those of a window, these, and the channels."""
    _check(len(x) > axes, f"a window along {axes} axes of {x}")
    return x[: -1 - axes], x[-1 - axes : -1], x[-1]


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


def _sides(padding: Padding, size: Shape, taps: Sequence[list[int]], stride: Sizes) -> list[Pair]:
    """Return a padding as ``(before, after)`` for each axis."""
    if padding == "same":
        return [_same_sides(*axis) for axis in zip(size, taps, stride, strict=True)]
    if padding == "causal":  # the last tap of the first window lies on the first element
        return [(offsets[-1], 0) for offsets in taps]
    return _explicit_sides(padding, len(size))


def _explicit_sides(padding: Padding, axes: int) -> list[Pair]:
    if padding == "valid":
        return [(0, 0)] * axes
    if isinstance(padding, int):
        return [(padding, padding)] * axes
    if isinstance(padding, tuple) and len(padding) == 2 * axes:
        return [(padding[2 * axis], padding[2 * axis + 1]) for axis in range(axes)]
    if isinstance(padding, tuple) and len(padding) == axes:
        return [(each, each) for each in padding]
    raise ValueError(f"not a padding: {padding!r}")


def _check(possible: bool, problem: str) -> None:
    if not possible:
        raise ValueError(problem)


def _connections(depth: int, channels: int, groups: int) -> list[Pair]:
    """Return all pairs of an input channel and an output channel in the same one of equal groups."""
    _check(depth % groups == 0 and channels % groups == 0, f"{depth} -> {channels} channels in {groups} groups")
    pairs = product(range(depth), range(channels))
    return [(i, o) for i, o in pairs if i // (depth // groups) == o // (channels // groups)]


def conv(
    x: Shape,
    channels: int,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    dilation: Sizes | None = None,
    groups: int = 1,
    bias: bool = True,
) -> Count:
    """Count a convolution.

    >>> conv((6, 6, 3), 5, (3, 3))
    Count(out=((4, 4, 5),), macs=2160, bias_adds=80, weights=135, biases=5, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    >>> conv((6, 6, 3), 3, (3, 3), groups=3).macs, conv((4, 4, 3), 5, (1, 1)).macs  # depthwise, pointwise
    (432, 240)
    >>> conv((2, 2, 1), 1, (3, 3), padding="same").padding_macs  # 5 of 9 taps in each of 4 windows
    20
    >>> conv((5, 1), 1, (3,), padding="causal").padding_macs  # 2 taps of the first window, 1 of the second
    3
    """
    lead, size, depth = _parted(x, len(kernel))
    connections = _connections(depth, channels, groups)
    macs = padding_macs = 0
    weights = set()
    starts, windows = _windows(size, kernel, stride, padding, dilation)
    for _ in product(*map(range, lead)):
        for tap, on_input in windows:
            for source, target in connections:
                macs += 1
                padding_macs += not on_input
                weights.add((source, target, tap))
    return _with_bias((*lead, *map(len, starts), channels), macs, len(weights), bias, padding_macs)


def _windows(
    size: Shape, kernel: Sizes, stride: Sizes | None, padding: Padding, dilation: Sizes | None
) -> tuple[list[list[int]], list[tuple[Sizes, bool]]]:
    """Return the starts of windows along each axis; and every tap of every window, with whether it is on the input."""
    stride, taps = stride or (1,) * len(kernel), _taps(kernel, dilation)
    sides = _sides(padding, size, taps, stride)
    starts = [
        _starts(before + length + after, offsets, step)
        for length, (before, after), offsets, step in zip(size, sides, taps, stride, strict=True)
    ]
    _check(all(starts), "no window fits")
    windows = []
    for start in product(*starts):
        for tap in product(*taps):
            axes = zip(start, tap, sides, size, strict=True)
            windows.append(
                (tap, all(before <= at + offset < before + length for at, offset, (before, _), length in axes))
            )
    return starts, windows


def conv_transpose(
    x: Shape,
    channels: int,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    output_padding: Sizes | None = None,
    size: Sizes | None = None,
    dilation: Sizes | None = None,
    groups: int = 1,
    bias: bool = True,
) -> Count:
    """Count a transposed convolution: every element times every tap is added to a canvas, which is then cropped.

    With a padding in numbers the canvas ends where the last product lands, as in torch; the padding crops it, and the output
    padding then adds at the end. Keras' "valid" gives each element a whole stride of canvas, even if the kernel is smaller;
    "same" gives it exactly that. With an output padding Keras crops nothing ("valid") or half a window ("same") at each
    end, and adds. A size is one from which a convolution leads back.

    >>> conv_transpose((2, 2, 1), 3, (3, 3), stride=(2, 2))
    Count(out=((5, 5, 3),), macs=108, bias_adds=75, weights=27, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    >>> conv_transpose((2, 2, 1), 1, (3, 3), (2, 2), padding=1, output_padding=(1, 1)).out
    ((4, 4, 1),)
    >>> conv_transpose((4, 1), 1, (2,), (3,)).out, conv_transpose((4, 1), 1, (2,), (3,), padding="valid").out
    (((11, 1),), ((12, 1),))
    """
    lead, before, depth = _parted(x, len(kernel))
    stride, taps = stride or (1,) * len(kernel), _taps(kernel, dilation)
    connections = _connections(depth, channels, groups)
    macs = 0
    weights = set()
    for _ in product(*map(range, (*lead, *before))):
        for tap in product(*taps):
            for source, target in connections:
                macs += 1
                weights.add((source, target, tap))
    _check(output_padding is None or size is None, "two sizes")
    axes = zip(before, stride, taps, _cropped(padding, len(kernel)), strict=True)
    if size is not None:
        for axis, wanted in zip(axes, size, strict=True):
            _check(_leads_back(wanted, *axis), f"{wanted} does not lead back")
        out = size
    else:
        extras = output_padding or (None,) * len(kernel)
        out = tuple(_canvas(*axis, extra) for axis, extra in zip(axes, extras, strict=True))
    _check(min(out) > 0, "nothing is left of the canvas")
    return _with_bias((*lead, *out, channels), macs, len(weights), bias)


def _cropped(padding: Padding, axes: int) -> Sequence[Pair | str]:
    return [padding] * axes if isinstance(padding, str) else _explicit_sides(padding, axes)


def _canvas(length: int, stride: int, taps: list[int], padding: Pair | str, extra: int | None) -> int:
    """Return the length of the canvas along one axis."""
    reached = {at * stride + tap for at in range(length) for tap in range(taps[-1] + 1)}
    own = {at * stride + step for at in range(length) for step in range(stride)}
    if extra is None and isinstance(padding, str):
        return len(own if padding == "same" else own | reached)
    half = (taps[-1] + 1) // 2
    before, after = {"same": (half, half), "valid": (0, 0)}[padding] if isinstance(padding, str) else padding
    return 1 + max(reached) - before - after + (extra or 0)


def _leads_back(wanted: int, length: int, stride: int, taps: list[int], padding: Pair | str) -> bool:
    """Return whether a convolution over the wanted length has as many windows as the input has elements."""
    if padding == "same":
        return len(range(0, wanted, stride)) == length
    around = 0 if isinstance(padding, str) else sum(padding)
    return len(_starts(wanted + around, taps, stride)) == length


def conv2d_table(
    x: Shape,
    connections: Sequence[Sequence[int]],
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = "valid",
    dilation: Sizes | None = None,
    bias: bool = True,
) -> Count:
    """Count a convolution whose every filter names the input channels it reads.

    >>> conv2d_table((3, 2, 3), [[0, 2], [1]], (2, 2)).macs  # 2 windows of 4 pixels, 3 channels read by a filter
    24
    """
    lead, size, depth = _parted(x, len(kernel))
    _check(all(source in range(depth) for row in connections for source in row), f"{depth} channels, {connections}")
    macs = padding_macs = 0
    weights = set()
    starts, windows = _windows(size, kernel, stride, padding, dilation)
    for _ in product(*map(range, lead)):
        for tap, on_input in windows:
            for target, row in enumerate(connections):
                for source in row:
                    macs += 1
                    padding_macs += not on_input
                    weights.add((source, target, tap))
    return _with_bias((*lead, *map(len, starts), len(connections)), macs, len(weights), bias, padding_macs)


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


def group_norm(x: Shape, groups: int, scale: bool = True, shift: bool = True) -> Count:
    """Count normalization over groups of channels: each channel has its own scale and shift all the same."""
    _check(x[-1] % groups == 0, f"{x[-1]} channels in {groups} groups")
    norm = batch_norm(x, scale, shift)
    return Count(norm.out, weights=norm.weights, biases=norm.biases)


def scale(x: Shape, shift: bool = False) -> Count:
    """Count a learnt factor for each channel, and perhaps a shift that is added to each element.

    >>> scale((2, 2, 3), shift=True)
    Count(out=((2, 2, 3),), macs=0, bias_adds=12, weights=3, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    return _with_bias(x, 0, len(set(range(x[-1]))), shift)


def max_pool(
    x: Shape,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes | None = None,
    ceil_mode: bool = False,
) -> Count:
    """Count pooling with torch's rules for the windows.

    >>> max_pool((6, 6, 1), (3, 3), (2, 2)).out, max_pool((6, 6, 1), (3, 3), (2, 2), ceil_mode=True).out
    (((2, 2, 1),), ((3, 3, 1),))
    """
    lead, size, depth = _parted(x, len(kernel))
    stride, taps = stride or kernel, _taps(kernel, dilation)
    out = []
    for length, (before, after), offsets, step in zip(
        size, _sides(padding, size, taps, stride), taps, stride, strict=True
    ):
        starts = _starts(before + length + after, offsets, step)
        if ceil_mode:
            starts = _starts_ceil(length, before, after, offsets, step)
        out.append(len(starts))
    _check(min(out) > 0, "no window fits")
    return Count(((*lead, *out, depth),))


avg_pool = max_pool


def subsample(x: Shape, kernel: Sizes) -> Count:
    """Count LeNet-5's pooling: windows side by side that use up the map; a coefficient and a bias for each channel.

    >>> subsample((4, 4, 3), (2, 2))
    Count(out=((2, 2, 3),), macs=0, bias_adds=12, weights=3, biases=3, buffers=0, elementwise=0, zeros=0, padding_macs=0)
    """
    lead, size, depth = _parted(x, len(kernel))
    starts = [range(0, length, step) for length, step in zip(size, kernel, strict=True)]
    whole = (axis[-1] + step == length for axis, step, length in zip(starts, kernel, size, strict=True))
    _check(all(whole), "pixels are left over")
    return _with_bias((*lead, *map(len, starts), depth), 0, len(set(range(depth))), True)


def global_avg_pool(x: Shape) -> Count:
    """Count pooling of each whole channel to one pixel."""
    return resize(x, (1,) * (len(x) - 1))


global_max_pool = global_avg_pool


def flatten(x: Shape) -> Count:
    """Count making a vector of all elements."""
    return Count(((len(list(product(*map(range, x)))),),))


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


def pad(
    x: Shape, padding: Padding | None = None, around: Sequence[int | Pair] | None = None, **named: int | Pair
) -> Count:
    """Count adding elements around a map, and before and after the named axes of any tensor.

    >>> pad((2, 3), length=(2, 0)).out, pad((2, 2, 2), padding=1, channels=(0, 3)).out
    (((4, 3),), ((4, 4, 5),))
    """
    _check(padding is not None or around is not None or bool(named), "nothing to pad")
    size = list(x)
    if padding is not None:
        _check(len(x) == 3, "padding is for maps")
        for axis, (before, after) in enumerate(_explicit_sides(padding, 2)):
            size[axis] = len([*range(-before, x[axis] + after)])
    for name, ends in named.items():
        axis = NAMED[len(x)].index(name)
        before, after = (ends, ends) if isinstance(ends, int) else ends
        size[axis] = len([*range(-before, size[axis] + after)])
    if around is not None:
        _check(len(around) == len(x), f"{around} around {x}")
        for axis, ends in enumerate(around):
            before, after = (ends, ends) if isinstance(ends, int) else ends
            size[axis] = len([*range(-before, size[axis] + after)])
    return Count((tuple(size),))


def crop(x: Shape, size: int | Sizes) -> Count:
    """Count keeping the middle elements of each axis but the channels."""
    wanted = (size,) * (len(x) - 1) if isinstance(size, int) else size
    _check(len(wanted) == len(x) - 1, f"{wanted} of {x}")
    kept = [range(length)[(length - n) // 2 :][:n] for n, length in zip(wanted, x, strict=False)]
    _check([len(axis) for axis in kept] == list(wanted), f"cannot cut {wanted} out of {x}")
    return Count(((*map(len, kept), x[-1]),))


def unfold(
    x: Shape, kernel: Sizes, stride: Sizes | None = None, padding: Padding = 0, dilation: Sizes | None = None
) -> Count:
    """Count laying out the elements of each window as a row.

    >>> unfold((3, 3, 2), (2, 2)).out
    ((4, 8),)
    """
    _, size, depth = _parted(x, len(kernel))
    starts, windows = _windows(size, kernel, stride, padding, dilation)
    rows = len(list(product(*starts)))
    return Count(((rows, len(windows) * depth // rows),))


def fold(
    x: Shape,
    size: Sizes,
    kernel: Sizes,
    stride: Sizes | None = None,
    padding: Padding = 0,
    dilation: Sizes | None = None,
) -> Count:
    """Count summing rows into a map that unfolds to rows of the same shape."""
    channels = [
        depth for depth in range(1, x[1] + 1) if unfold((*size, depth), kernel, stride, padding, dilation).out == (x,)
    ]
    _check(len(channels) == 1, f"{x} is no unfolded map of {size}")
    return Count(((*size, channels[0]),))


def deform_conv2d(x: Shape, offsets: Shape, mask: Shape | None = None, **attrs: Any) -> Count:
    """Count a convolution whose taps are moved: two offsets, and perhaps a weight, for each tap at each position.

    >>> deform_conv2d((3, 3, 2), (2, 2, 8), channels=1, kernel=(2, 2)).macs
    32
    """
    count = conv(x, **attrs)
    positions = list(product(*map(range, count.out[0][:-1])))
    taps = len(list(product(*map(range, attrs["kernel"]))))
    fitting = [
        groups
        for groups in range(1, x[-1] + 1)
        if x[-1] % groups == 0 and offsets[:-1] == count.out[0][:-1] and offsets[-1] == 2 * groups * taps
    ]
    _check(len(fitting) == 1, f"offsets {offsets} for {len(positions)} positions")
    _check(mask is None or mask == (*offsets[:-1], offsets[-1] // 2), f"mask {mask} beside offsets {offsets}")
    return count


def local_response_norm(x: Shape, size: int = 5) -> Count:
    """Count, at each position, the channels outside of the map that windows of ``size`` channels reach.

    >>> local_response_norm((1, 2, 3), size=2).zeros
    2
    """
    *positions, channels = x
    reached = {channel + offset - size // 2 for channel in range(channels) for offset in range(size)}
    outside = [channel for channel in reached if channel not in range(channels)]
    return Count((x,), zeros=len(list(product(*map(range, positions), outside))))


def upsample(x: Shape, scale: Sizes) -> Count:
    """Count enlarging by whole factors: every element becomes so many along each axis."""
    _, size, _ = _parted(x, len(scale))
    return resize(x, tuple(len([*range(n)] * factor) for n, factor in zip(size, scale, strict=True)))


def resize(x: Shape, size: Sizes) -> Count:
    """Count scaling to a given size."""
    lead, _, depth = _parted(x, len(size))
    return Count(((*lead, *size, depth),))


adaptive_avg_pool = resize
