"""ncnn's layers that slide windows along axes, resample maps or rearrange their blocks."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from convcost.core.axes import NAMES
from convcost.core.dims import Dim, Shape, maximum
from convcost.core.errors import Unfit
from convcost.importers import fixed
from convcost.importers.build import convolution, linear, squeezed, unsqueezed
from convcost.importers.contents import less, same, scaled
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.ncnn.expressions import evaluated, names_others
from convcost.importers.ncnn.given import BLOBS, DROPPED, SAME_LOWER, number, whole
from convcost.importers.ncnn.rules import blobs_of, made, others_if, rule
from convcost.importers.values import Value, channels_at


def axes_of(op: Op) -> int:
    """How many axes the windows of a layer slide along, as its type says.

    >>> axes_of(Op("ConvolutionDepthWise1D", "", (), ())), axes_of(Op("Pooling", "", (), ()))
    (1, 2)
    """
    return 1 if op.type.endswith("1D") else 3 if op.type.endswith("3D") else 2


def image(low: Lowering, op: Op, axes: int) -> Value:
    """What windows slide over: channels, and so many axes behind them; raises `Unfit` for another tensor."""
    x = low.read(op)
    if x.rank != axes + 2:
        raise Unfit(f"needs channels and {axes} more axes, but reads {x.rank - 1}")
    return x


def along(op: Op, axes: int, first: int, default: int) -> list[int]:
    """A parameter for each axis, the fastest last: that of the width, which those of height and depth are if not given.

    >>> along(Op("Convolution", "", (), (), {"1": 3, "11": 5}), 2, 1, 0), along(Op("", "", (), (), {"1": 3}), 2, 1, 0)
    ([5, 3], [3, 3])
    """
    width = whole(op.attrs, first, default)
    others = [whole(op.attrs, first + more, width) for more in (20, 10)]
    return [*others[3 - axes :], width]


def sides(op: Op, axes: int, left: int, right: int) -> list[int]:
    """Zeros before and behind along each axis of a convolution, from the parameters of left, top, front and right, bottom, behind."""
    before = along(op, axes, left, 0)
    behind = [whole(op.attrs, right + more, before[-1 - more]) for more in range(axes - 1, -1, -1)]
    return [side for pair in zip(before, behind) for side in pair]


def more_before(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], sizes: Sequence[Dim]
) -> list[Dim]:
    """The zeros of SAME_LOWER: an odd one stands before the first element.

    >>> more_before((4, 3), (1, 2), (1, 1), (8, 8))
    [2, 1, 1, 0]
    """
    found: list[Dim] = []
    for taps, step, apart, size in zip(kernel, stride, dilation, sizes):
        zeros = maximum((-(-size // max(step, 1)) - 1) * step + (taps - 1) * apart + 1 - size, 0)
        found += [zeros - zeros // 2, zeros // 2]
    return found


# -- convolutions ------------------------------------------------------------------------------------------------------


def window(op: Op, axes: int, sizes: Shape) -> dict[str, Any]:
    """Kernel, stride, dilation and padding of a convolution over axes of these sizes."""
    kernel, dilation, stride = along(op, axes, 1, 0), along(op, axes, 2, 1), along(op, axes, 3, 1)
    found: dict[str, Any] = {"kernel": kernel, "stride": stride}
    if any(one != 1 for one in dilation):
        found["dilation"] = dilation
    zeros = sides(op, axes, 4, 15)
    if set(zeros) == {DROPPED}:
        found["padding"] = "same"
    elif set(zeros) == {SAME_LOWER}:
        found["padding"] = more_before(kernel, stride, dilation, sizes)
    else:
        found["padding"] = zeros
    return found


def filters(low: Lowering, op: Op) -> tuple[Value, Value | None]:
    """The weights of a layer, and its biases if it has some: its own, or those of blobs that are stored."""
    weights, bias = low.optional(op, 1), low.optional(op, 2)
    if weights is None or not weights.stored or (bias is not None and not bias.stored):
        raise Unsupported("filters that are computed")
    return weights, bias


@rule(
    *("Convolution", "Convolution1D", "Convolution3D"),
    *("ConvolutionDepthWise", "ConvolutionDepthWise1D", "ConvolutionDepthWise3D"),
    wants=1,
    merged=True,
    reads=others_if(lambda attrs: bool(whole(attrs, 19, 0))),
)
def conv(low: Lowering, op: Op) -> None:
    """A convolution; one of a single element on a vector is a product with a matrix."""
    axes, x, channels = axes_of(op), low.read(op), whole(op.attrs, 0, 0)
    weights, bias = filters(low, op)
    if x.rank == 2 and axes == 2 and along(op, axes, 1, 0) == [1, 1] and "DepthWise" not in op.type:
        linear(low, op, x, 1, channels, weights, bias)
        return
    x = image(low, op, axes)
    attrs = {"channels": channels, **window(op, axes, x.shape[2:])}
    if "DepthWise" in op.type and (groups := whole(op.attrs, 7, 1)) != 1:
        attrs["groups"] = groups
    convolution(low, op, x, 1, attrs, weights, bias)


@rule(
    *("Deconvolution", "Deconvolution1D", "Deconvolution3D"),
    *("DeconvolutionDepthWise", "DeconvolutionDepthWise1D", "DeconvolutionDepthWise3D"),
    wants=1,
    merged=True,
    reads=others_if(lambda attrs: bool(whole(attrs, 28, 0))),
)
def deconv(low: Lowering, op: Op) -> None:
    """A transposed convolution, which the file may give a size to make."""
    axes = axes_of(op)
    x, (weights, bias) = image(low, op, axes), filters(low, op)
    attrs: dict[str, Any] = {"channels": whole(op.attrs, 0, 0), **window(op, axes, x.shape[2:])}
    if "DepthWise" in op.type and (groups := whole(op.attrs, 7, 1)) != 1:
        attrs["groups"] = groups
    extra, wanted = _more(op, axes, 18), _more(op, axes, 25 if axes == 3 else 20)
    if any(extra):
        attrs["output_padding"] = extra
    if set(sides(op, axes, 4, 15)) <= {DROPPED, SAME_LOWER}:
        attrs["padding"] = _cropped(low, op, x, attrs, wanted) if all(wanted) else 0
    convolution(low, op, x, 1, attrs, weights, bias, kind="conv_transpose")


def _more(op: Op, axes: int, first: int) -> list[int]:
    """A parameter for each axis, those of width, height and depth one after the other; by itself each is that of the width."""
    width = whole(op.attrs, first, 0)
    return [*(whole(op.attrs, first + at, width) for at in range(axes - 1, 0, -1)), width]


def _cropped(low: Lowering, op: Op, x: Value, attrs: dict[str, Any], wanted: Sequence[int]) -> list[Dim]:
    """What a transposed convolution crops from both ends of each axis to come to these sizes."""
    here = fixed.sizes_here(low, op.inputs[0], x, dict(enumerate(wanted, start=2)), scales=True)
    sizes: list[Any] = [here.get(axis, size) for axis, size in enumerate(wanted, start=2)]
    dilation, extra = (
        attrs.get(name, [least] * len(sizes)) for name, least in (("dilation", 1), ("output_padding", 0))
    )
    found: list[Dim] = []
    each = zip(x.shape[2:], sizes, attrs["kernel"], attrs["stride"], dilation, extra)
    for had, size, taps, step, apart, more in each:
        whole_size: Any = (had - 1) * step + (taps - 1) * apart + 1 + more
        if less(whole_size, size):
            raise Unfit(f"crops {whole_size} elements to {size}")
        cut = whole_size - size
        found += [cut // 2, cut - cut // 2]
    return found


# -- pools -------------------------------------------------------------------------------------------------------------


@rule("Pooling", "Pooling1D", "Pooling3D", wants=1)
def pool(low: Lowering, op: Op) -> None:
    """The largest or the mean of each window, of all of a map, or of so many parts of it."""
    axes = axes_of(op)
    x, kind = image(low, op, axes), "max" if whole(op.attrs, 0, 0) == 0 else "avg"
    order = channels_at(x, 1, windows=axes)
    if whole(op.attrs, 4, 0):
        value = low.layer(op, f"global_{kind}_pool", x, order)
        squeezed(low, op, value, range(2, x.rank))
    elif whole(op.attrs, 7, 0):
        wanted = _parts(op, axes)
        size = [x.shape[at] if one == DROPPED else one for at, one in enumerate(wanted, start=2)]
        low.layer(op, f"adaptive_{kind}_pool{axes}d", x, order, {"size": size})
    else:
        attrs = _pooled(op, axes, x.shape[2:])
        fixed.note_window(low, op.inputs[0], x, range(2, x.rank), attrs["kernel"])
        if _is_wide(attrs):
            x = _with_zeros(low, low.part(op, "padded"), x, attrs["padding"])
            attrs["padding"] = 0
        low.layer(op, f"{kind}_pool{axes}d", x, order, attrs)


def _is_wide(attrs: dict[str, Any]) -> bool:
    """Whether there are windows on nothing but padding."""
    zeros, kernel = attrs["padding"], attrs["kernel"]
    return isinstance(zeros, list) and any(type(side) is int and side >= kernel[i // 2] for i, side in enumerate(zeros))


def _with_zeros(low: Lowering, op: Op, x: Value, zeros: Sequence[Dim]) -> Value:
    """A map with elements around it."""
    order = channels_at(x, 1, windows=x.rank - 2)
    names = NAMES[len(order)]
    attrs = {names[at]: list(zeros[2 * at : 2 * at + 2]) for at in range(x.rank - 2)}
    return low.result(op, low.emit(op, "pad", [low.present(x, order)], attrs), order, x.rank)


def _parts(op: Op, axes: int) -> list[int]:
    width = whole(op.attrs, 8, 0)
    return [*(whole(op.attrs, number, width) for number in (28, 18)[3 - axes :]), width]


def _pooled(op: Op, axes: int, sizes: Shape) -> dict[str, Any]:
    """Kernel, stride and padding of a pool; unless the file says otherwise, a last window may hang over the end."""
    kernel, stride, zeros = along(op, axes, 1, 0), along(op, axes, 2, 1), _around(op, axes)
    found: dict[str, Any] = {"kernel": kernel, "stride": stride}
    mode = whole(op.attrs, 5, 0)
    if mode == 2:
        found["padding"] = "same"
    elif mode == 3:
        found["padding"] = more_before(kernel, stride, [1] * axes, sizes)
    elif mode == 1:
        found["padding"] = zeros
    elif mode == 0:
        found |= _filled(kernel, stride, zeros, sizes)
    else:
        raise Unfit(f"pads in mode {mode}, where there are 0 to 3")
    return found


def _around(op: Op, axes: int) -> list[int]:
    """Zeros around the map of a pool, whose parameters have other numbers than those of a convolution."""
    left = whole(op.attrs, 3, 0)
    right, top = whole(op.attrs, 14, left), whole(op.attrs, 13, left)
    bottom = whole(op.attrs, 15, top)
    front = whole(op.attrs, 23, left)
    behind = whole(op.attrs, 16, front)
    return [front, behind, top, bottom, left, right][6 - 2 * axes :]


def _filled(kernel: list[int], stride: list[int], zeros: list[int], sizes: Shape) -> dict[str, Any]:
    """Padding until the last window is full. It is what rounding up is, unless a whole window would lie behind the end.

    >>> _filled([3, 3], [2, 2], [0, 0, 0, 0], (112, 112))
    {'padding': [0, 0, 0, 0], 'ceil_mode': True}
    >>> _filled([2], [3], [0, 0], (6,))
    {'padding': [0, 2]}
    """
    along_axes = list(zip(sizes, kernel, stride, zeros[::2], zeros[1::2]))
    if min(stride) < 1:
        raise Unfit(f"stride must be at least 1, got {min(stride)}")
    rooms: list[Any] = [size + before + behind - taps for size, taps, _, before, behind in along_axes]
    plain = (max(before, behind + step - 1) < taps for _, taps, step, before, behind in along_axes)
    if all(plain) and all(type(room) is not int or room >= 0 for room in rooms):
        return {"padding": zeros, **({"ceil_mode": True} if max(stride) > 1 else {})}
    found: list[Dim] = []
    for room, (_, _, step, before, behind) in zip(rooms, along_axes):
        found += [before, behind + _missing(room, step)]
    return {"padding": found}


def _missing(room: Any, step: int) -> Dim:
    """The elements that the last window lacks; where not even one window fits, ncnn adds a step (its remainder is negative).

    >>> _missing(6, 4), _missing(8, 4), _missing(-2, 3)
    (2, 0, 5)
    """
    rest = -room % step
    return rest + step if type(room) is int and room < 0 < rest else rest


# -- resampling --------------------------------------------------------------------------------------------------------

_MODES: Final = {1: ("nearest", "nearest"), 2: ("linear", "bilinear"), 3: ("", "bicubic")}
"""Ways to interpolate, along one axis and along two."""
_LARGEST_FLOAT: Final = (2 - 2**-23) * 2.0**127
"""The largest number of 32 bits, of which 23 are a fraction: 3.4e38."""


@rule("Interp", wants=1, reads=others_if(lambda attrs: whole(attrs, 5, 0) == 1 or names_others(attrs.get("9"))))
def interp(low: Lowering, op: Op) -> None:
    """A map at another size, by scales or to a size; a vector is that of a map of one element."""
    x = low.read(op)
    if x.rank == 2:
        unsqueezed(low, op, x, [2, 3])
        x = made(low, op)
    axes = x.rank - 2
    mode = _MODES.get(whole(op.attrs, 0, 0), ("", ""))[min(axes, 2) - 1] if axes else ""
    if axes not in (1, 2) or not mode:
        raise Unsupported(f"interpolation of kind {whole(op.attrs, 0, 0)} along {axes} axes")
    wanted = _wanted(low, op, x)[-axes:]
    scales = [_of_32_bits(number(op.attrs, at, 1.0)) for at in (1, 2)][2 - axes :]
    order = channels_at(x, 1, windows=axes)
    if wanted:
        low.layer(op, f"resize{axes}d", x, order, {"size": wanted, "mode": mode})
    elif all(scale.denominator == 1 for scale in scales):
        low.layer(op, f"upsample{axes}d", x, order, {"scale": [int(scale) for scale in scales], "mode": mode})
    else:
        size = [_scaled(one, scale) for one, scale in zip(x.shape[2:], scales)]
        low.layer(op, f"resize{axes}d", x, order, {"size": size, "mode": mode})


def _wanted(low: Lowering, op: Op, x: Value) -> list[Dim]:
    """Height and width that are asked for: by number, as another blob has them, or computed; none where scales say it."""
    read = blobs_of(low, op)
    if isinstance(text := op.attrs.get("9"), str):
        return list(reversed(evaluated(text, read)))
    if whole(op.attrs, 5, 0) == 1:
        if len(read) != 2:
            raise Unsupported("a size that another tensor has")
        return [1, *read[1].shape[1:]][-2:]
    both = [whole(op.attrs, 3, 0), whole(op.attrs, 4, 0)]
    if not all(both):
        return []
    fixed_sizes = both[4 - x.rank :]
    here = fixed.sizes_here(low, op.inputs[0], x, dict(enumerate(fixed_sizes, start=2)), scales=True)
    return [here.get(axis, one) for axis, one in enumerate(fixed_sizes, start=2)]


def _of_32_bits(value: float) -> Fraction:
    """A number as ncnn keeps it; raises `Unfit` for one that it cannot keep.

    >>> _of_32_bits(0.5), float(_of_32_bits(0.1))
    (Fraction(1, 2), 0.10000000149011612)
    """
    if not abs(value) <= _LARGEST_FLOAT:
        raise Unfit(f"scales by a number that 32 bits do not hold: {value:g}")
    return Fraction(struct.unpack("<f", struct.pack("<f", value))[0])


def _scaled(size: Dim, scale: Fraction) -> Dim:
    """A size times a scale, rounded down: the product of numbers of 32 bits.

    >>> _scaled(13, _of_32_bits(0.5)), _scaled(30, _of_32_bits(1.333333))
    (6, 39)
    """
    return scaled(size, scale, 24)


@rule("PixelShuffle", "Reorg", wants=1)
def blocks(low: Lowering, op: Op) -> None:
    x = image(low, op, 2)
    kind = "depth_to_space" if op.type == "PixelShuffle" else "space_to_depth"
    low.layer(op, kind, x, channels_at(x, 1, windows=2), {"block": whole(op.attrs, 0, 1)})


@rule("ShuffleChannel", wants=1)
def shuffle(low: Lowering, op: Op) -> None:
    """Channels of each group put between those of the others; in reverse, as many groups as a group has channels."""
    x, groups = image(low, op, 2), whole(op.attrs, 0, 1)
    channels: Any = x.shape[1]
    if groups < 1 or same(channels % groups, 0) is False:
        raise Unfit(f"shuffles {groups} groups of {channels} channels")
    order = channels_at(x, 1, windows=2)
    low.layer(op, "channel_shuffle", x, order, {"groups": channels // groups if whole(op.attrs, 1, 0) else groups})


@rule("GridSample", wants=1, reads=2)
def grid_sample(low: Lowering, op: Op) -> None:
    x, grid = image(low, op, 2), low.read(op, 1)
    mode = {1: "bilinear", 2: "nearest", 3: "bicubic"}.get(whole(op.attrs, 0, 1), "bilinear")
    if grid.rank != 4:
        raise Unsupported("samples at places that are no map")
    places = (2, 3, 1) if whole(op.attrs, 3, 0) else (1, 2, 3)
    edges = [low.present(x, channels_at(x, 1, windows=2)), low.present(grid, places)]
    low.result(op, low.emit(op, "grid_sample", edges, {"mode": mode}), (2, 3, 1), 4)


@rule("DeformableConv2D", wants=1, merged=True, reads=None)
def deform_conv(low: Lowering, op: Op) -> None:
    """A convolution whose taps stand where another tensor says; a third one may weigh them."""
    x, count = image(low, op, 2), op.attrs[BLOBS]
    values = [low.read(op, i) for i in range(count, len(op.inputs))]
    if not values or count not in (2, 3):
        raise Unsupported("filters that are computed")
    attrs = {"channels": whole(op.attrs, 0, 0), **window(op, 2, x.shape[2:]), "bias": len(values) > 1}
    edges = [low.present(value, channels_at(value, 1, windows=2)) for value in (low.read(op, i) for i in range(count))]
    used = {"weights": tuple(values[:1])} | ({"biases": tuple(values[1:])} if len(values) > 1 else {})
    low.result(op, low.emit(op, "deform_conv2d", edges, attrs, used), channels_at(x, 1, windows=2), x.rank)


@rule("Unfold", wants=1)
def unfold(low: Lowering, op: Op) -> None:
    """The elements of each window, as a column."""
    x = image(low, op, 2)
    step = low.emit(op, "unfold", [low.present(x, channels_at(x, 1, windows=2))], window(op, 2, x.shape[2:]))
    low.result(op, step, (2, 1), 3)
