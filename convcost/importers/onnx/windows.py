"""Ops with windows that slide along axes, and ops that resample or rearrange maps."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from convcost.core.dims import Dim, Shape, maximum, product
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers import fixed
from convcost.importers.build import blocks, combined, convolution, reduced, taken, whole_pooled
from convcost.importers.contents import same, scaled
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.arithmetic import element, numbers
from convcost.importers.onnx.elementwise import ACTIVATIONS
from convcost.importers.onnx.table import handed_on, of_microsoft, rule, whole, wholes, word
from convcost.importers.values import Value, axis_in, channels_at


def image(low: Lowering, op: Op, axes: int | None = None) -> Value:
    """What an op with windows reads: a batch, channels, and axes to slide along; raises `Unfit` if it has others."""
    x = low.read(op)
    if x.rank < 3 or (axes is not None and x.rank != axes + 2):
        raise Unfit(f"needs a batch, channels and {axes or 'some'} more axes, but reads {x.rank} axes")
    return x


def window(op: Op, kernel: Sequence[Dim], sizes: Sequence[Dim]) -> dict[str, Any]:
    """The attributes of a window that slides along axes of these sizes."""
    axes = len(kernel)
    stride, dilation = wholes(op, "strides", (1,) * axes), wholes(op, "dilations", (1,) * axes)
    pads, auto = wholes(op, "pads", (0,) * (2 * axes)), word(op, "auto_pad", "NOTSET")
    if len(stride) != axes or len(dilation) != axes or len(pads) != 2 * axes:
        raise Unfit(f"strides, dilations and pads must have numbers for {axes} axes")
    if any(side < 0 for side in pads):
        raise Unsupported("negative padding")
    found: dict[str, Any] = {"kernel": list(kernel), "stride": list(stride)}
    if any(one != 1 for one in dilation):
        found["dilation"] = list(dilation)
    if auto in ("", "NOTSET"):
        found["padding"] = [side for pair in zip(pads[:axes], pads[axes:]) for side in pair] if any(pads) else 0
    elif auto == "VALID":
        found["padding"] = 0
    elif auto == "SAME_LOWER" and all(type(size) is int for size in sizes):
        found["padding"] = _more_before(kernel, stride, dilation, sizes)
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        found["padding"] = "same"
    else:
        raise Unfit(f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {auto!r}")
    return found


def _more_before(
    kernel: Sequence[Dim], stride: Sequence[int], dilation: Sequence[int], sizes: Sequence[Dim]
) -> list[Dim]:
    """The zeros of SAME_LOWER: an odd one stands before the first element, not behind the last.

    >>> _more_before((4, 3), (1, 2), (1, 1), (8, 8))
    [2, 1, 1, 0]
    """
    sides: list[Dim] = []
    for taps, step, apart, size in zip(kernel, stride, dilation, sizes):
        if step < 1:
            raise Unfit(f"strides must be at least 1, got {step}")
        zeros = maximum((-(-size // step) - 1) * step + (taps - 1) * apart + 1 - size, 0)
        sides += [zeros - zeros // 2, zeros // 2]
    return sides


# -- convolutions ------------------------------------------------------------------------------------------------------


@rule("Conv", *of_microsoft("FusedConv", "nchwc.Conv"), wants=1)
def conv(low: Lowering, op: Op) -> None:
    weights = low.read(op, 1)
    attrs = of_filters(low, op, weights)
    convolved(low, op, low.read(op), attrs, weights, low.optional(op, 2), low.optional(op, 3))


@rule(*of_microsoft("NhwcFusedConv"), wants=-1, of_all=True)
def conv_channels_last(low: Lowering, op: Op) -> None:
    """What onnxruntime makes of a convolution by moving the axes of its input and its result alone: filters stay as they are."""
    weights = low.read(op, 1)
    attrs = of_filters(low, op, weights, -1)
    convolved(low, op, low.read(op), attrs, weights, low.optional(op, 2), low.optional(op, 3), channel=-1)


def of_filters(low: Lowering, op: Op, weights: Value, channel: int = 1) -> dict[str, Any]:
    """The attributes of a convolution with these filters."""
    if weights.rank < 3:
        raise Unfit(f"filters need output channels, input channels and a window, got {weights.rank} axes")
    kernel = _kernel(op, weights)
    x = image(low, op, len(kernel))
    groups = whole(op, "group", 1)
    sizes = x.shape[2:] if channel == 1 else x.shape[1:-1]
    return {"channels": weights.shape[0], "groups": groups, **window(op, kernel, sizes)}


def _kernel(op: Op, weights: Value) -> Shape:
    """The window of filters, which an attribute may repeat."""
    kernel = weights.shape[2:]
    if (given := wholes(op, "kernel_shape")) and given != kernel:
        raise Unfit(f"kernel_shape says {given}, but the filters are of {kernel}")
    return kernel


def convolved(
    low: Lowering,
    op: Op,
    x: Value,
    attrs: dict[str, Any],
    weights: Value,
    bias: Value | None,
    added: Value | None = None,
    kind: str = "conv",
    channel: int = 1,
) -> None:
    """A convolution with stored filters, and what onnxruntime merges behind it: a sum and an activation."""
    if not weights.is_constant:
        raise Unsupported("filters that are computed from data")
    sums = {"sum": added} if added is not None else {}
    if bias is not None and not bias.is_constant:
        if bias.rank != 1 or same(bias.shape[0], attrs["channels"]) is False:
            raise Unfit(f"has a bias of {shape_text(bias.shape) or 'no axes'} for {attrs['channels']} channels")
        lifted = low.part(op, "bias")
        low.relabel(lifted, bias, (0, *(None,) * (x.rank - 2)) if channel == 1 else (0,))
        sums, bias = {"biased": low.values[lifted.outputs[0]], **sums}, None
    activation = word(op, "activation", "")
    parts = ["conv", *sums][: len(sums) + bool(activation)]
    ops = [*(low.part(op, step) for step in parts), op]
    convolution(low, ops[0], x, channel, attrs, weights, bias, kind)
    for before, after, one in zip(ops, ops[1:], sums.values()):
        combined(low, after, "add", [low.values[before.outputs[0]], one])
    if activation:
        activated(low, op, low.values[ops[-2].outputs[0]], activation)


def activated(low: Lowering, op: Op, x: Value, name: str) -> None:
    """An activation by its name, as onnxruntime merges it into another op."""
    if name == "Clip":
        low.pointwise(op, "function", x, {"of": "clip"})
    elif name in ACTIVATIONS:
        low.pointwise(op, ACTIVATIONS[name], x)
    else:
        raise Unsupported(f"a merged activation {name!r}")


@rule("ConvTranspose", wants=1)
def conv_transpose(low: Lowering, op: Op) -> None:
    weights, bias = low.read(op, 1), low.optional(op, 2)
    if weights.rank < 3:
        raise Unfit(f"filters need input channels, output channels and a window, got {weights.rank} axes")
    kernel = _kernel(op, weights)
    axes = len(kernel)
    x, groups = image(low, op, axes), whole(op, "group", 1)
    attrs: dict[str, Any] = {"channels": weights.shape[1] * groups, "groups": groups}
    auto = word(op, "auto_pad", "NOTSET")
    upper = auto in ("SAME_UPPER", "SAME_LOWER")
    plain = Op(op.type, op.name, op.inputs, op.outputs, {**op.attrs, "auto_pad": "NOTSET" if upper else auto})
    attrs |= window(plain, kernel, x.shape[2:])
    if wanted := wholes(op, "output_shape"):
        here = fixed.sizes_here(low, op.inputs[0], x, dict(enumerate(wanted[-axes:], start=2)))
        attrs |= {"size": [here.get(axis, size) for axis, size in enumerate(wanted[-axes:], start=2)], "padding": 0}
        attrs = _reachable(attrs, x.shape[2:])
    elif upper:
        attrs["padding"] = "same"
    extra = wholes(op, "output_padding")
    if any(extra) and not upper and "size" not in attrs:  # SAME is a stride for each element, whatever is added first
        attrs["output_padding"] = list(extra)
    convolved(low, op, x, attrs, weights, bias, kind="conv_transpose")


def _reachable(attrs: dict[str, Any], sizes: Sequence[Dim]) -> dict[str, Any]:
    """The padding with which a transposed convolution makes the size that is asked for, as ONNX derives it."""
    sides: list[Dim] = []
    dilation = attrs.get("dilation", [1] * len(sizes))
    for size, wanted, taps, step, apart in zip(sizes, attrs["size"], attrs["kernel"], attrs["stride"], dilation):
        total = maximum((size - 1) * step + (taps - 1) * apart + 1 - wanted, 0)
        sides += [total // 2, total - total // 2]
    return {**attrs, "padding": sides}


@rule("DeformConv", wants=1)
def deform_conv(low: Lowering, op: Op) -> None:
    x, weights, offsets = image(low, op, 2), low.read(op, 1), low.read(op, 2)
    bias, mask = low.optional(op, 3), low.optional(op, 4)
    attrs = {**of_filters(low, op, weights), "bias": bias is not None}
    order = channels_at(x, 1, windows=2)
    if len(order) > 3:
        shape = (x.shape[0], weights.shape[0], *offsets.shape[2:])
        raise Unsupported("a deformable convolution of several maps", [shape])
    values = [x, offsets, *([mask] if mask is not None else [])]
    edges = [low.present(value, channels_at(value, 1, windows=2)) for value in values]
    used = {"weights": (weights,)} | ({"biases": (bias,)} if bias is not None else {})
    low.result(op, low.emit(op, "deform_conv2d", edges, attrs, used), order, x.rank)


# -- pools -------------------------------------------------------------------------------------------------------------


@rule("MaxPool", "AveragePool", *of_microsoft("nchwc.MaxPool", "nchwc.AveragePool"), wants=1)
def pool(low: Lowering, op: Op) -> None:
    pooled(low, op, image(low, op), "max_pool" if op.type.endswith("MaxPool") else "avg_pool")


def pooled(low: Lowering, op: Op, x: Value, kind: str, channel: int = 1) -> None:
    """The largest or the mean of each window."""
    kernel = wholes(op, "kernel_shape")
    axes = len(kernel)
    if axes != x.rank - 2 or axes > 3:
        raise Unfit(f"a window of {axes} axes does not slide along {x.rank - 2}")
    order = channels_at(x, channel, windows=axes)
    attrs = window(op, kernel, [x.shape[axis] for axis in order[-1 - axes : -1]])
    fixed.note_window(low, op.inputs[0], x, order[-1 - axes : -1], kernel)
    if kind == "avg_pool" and attrs.pop("dilation", None):
        raise Unsupported("a mean over elements that stand apart")
    if whole(op, "ceil_mode", 0):
        attrs["ceil_mode"] = True
    value = low.layer(op, f"{kind}{axes}d", x, order, attrs)
    handed_on(low, op, value, "int64", 1)  # where the largest stood


@rule("GlobalAveragePool", "GlobalMaxPool", *of_microsoft("nchwc.GlobalAveragePool", "nchwc.GlobalMaxPool"), wants=1)
def global_pool(low: Lowering, op: Op) -> None:
    x = image(low, op)
    whole_pooled(low, op, x, 1, x.rank - 2, "max" if op.type.endswith("GlobalMaxPool") else "mean")


@rule("GlobalLpPool", wants=1)
def global_lp_pool(low: Lowering, op: Op) -> None:
    x, power = image(low, op), whole(op, "p", 2)
    if power not in (1, 2):
        raise Unsupported(f"sums of powers of {power}", [(*x.shape[:2], *(1,) * (x.rank - 2))])
    reduced(low, op, x, range(2, x.rank), "norm" if power == 2 else "absolute_sum", keep=True)


# -- resampling --------------------------------------------------------------------------------------------------------

_MODES = {
    "nearest": ("nearest",) * 3,
    "linear": ("linear", "bilinear", "trilinear"),
    "bilinear": ("linear", "bilinear", "trilinear"),
    "cubic": ("", "bicubic", ""),
}
"""How ONNX calls a way to interpolate -> how convcost does, along one, two and three axes."""


@rule("Resize", "Upsample", wants=1)
def resize(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = tuple(axis_in(axis, x.rank) for axis in wholes(op, "axes", tuple(range(x.rank))))
    scales, sizes = _asked(low, op)
    if sizes is not None and len(sizes) == len(axes):
        written = dict(zip(axes, fixed.literal(low, (*op.inputs, *("",) * 4)[3], sizes)))
        here = fixed.sizes_here(low, op.inputs[0], x, written)
        new = dict(zip(axes, _kept_aspect(op, x, axes, [here.get(axis, one) for axis, one in zip(axes, sizes)])))
    elif scales is not None and len(scales) == len(axes):
        new = {axis: _scaled(x.shape[axis], scale) for axis, scale in zip(axes, scales)}
    else:
        raise Unfit(f"needs a scale or a size for each of {len(axes)} axes")
    factors = dict(zip(axes, scales)) if scales is not None and sizes is None else {}
    resampled(low, op, x, new, factors, word(op, "mode", "nearest"))


def _asked(low: Lowering, op: Op) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """The scales and the sizes that are asked for: as an attribute before opset 9, as inputs since then."""
    scales = op.attrs.get("scales")
    if isinstance(scales, tuple):
        return tuple(map(element, scales)), None
    if "height_scale" in op.attrs:
        return (1, 1, element(op.attrs["height_scale"]), element(op.attrs["width_scale"])), None
    first = 1 if len(op.inputs) == 2 else 2
    found = []
    for i in (first, 3):
        value = low.optional(op, i)
        if value is not None:
            low.accounts.set_aside(value.stored)
        known = numbers(low, value)
        if value is not None and known is None:
            raise Unsupported("its size is computed from data")
        found.append(known.elements or None if known else None)
    return found[0], found[1]


def _scaled(size: Dim, scale: Any) -> Dim:
    """A size times a scale, rounded down as runtimes do it: their scales have 32 bits.

    >>> _scaled(7, Fraction("1.4285714626312256")), _scaled(33, 2)
    (10, 66)
    """
    if scale is None:
        raise Unsupported("a scale that is no number")
    return scaled(size, scale, 24)


def _kept_aspect(op: Op, x: Value, axes: Sequence[int], sizes: Sequence[Any]) -> list[Dim]:
    """The sizes that are asked for, or those that fit them without a distortion."""
    policy = word(op, "keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return list(sizes)
    ratios = [
        Fraction(size, x.shape[axis]) for axis, size in zip(axes, sizes) if type(x.shape[axis]) is int and x.shape[axis]
    ]
    if len(ratios) != len(axes):
        raise Unsupported(f"sizes that are {policy}, away from the file's own")
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [int(x.shape[axis] * scale + Fraction(1, 2)) for axis in axes]


def resampled(
    low: Lowering, op: Op, x: Value, new: dict[int, Dim], factors: dict[int, Any], mode: str, default: int = 1
) -> None:
    """A map at other sizes along some axes."""
    changed = [
        axis
        for axis, size in new.items()
        if not (factors.get(axis) == 1 or size is x.shape[axis] or _alike(size, x.shape[axis]))
    ]
    if not changed:
        handed_on(low, op, x)
        return
    channel = default if default not in changed else x.rank - 1
    if channel in changed or x.rank < 3:
        raise Unsupported("a change of size along the channels")
    slid = [axis for axis in range(1, x.rank) if axis != channel]
    if len(slid) > 3 or 0 in changed:
        raise Unsupported(f"a change of size along {len(slid)} axes")
    words = _MODES.get(mode, ("",) * 3)
    kind = words[len(slid) - 1]
    if not kind:
        raise Unsupported(f"interpolation of the kind {mode!r} along {len(slid)} axes")
    order = channels_at(x, channel, windows=len(slid))
    steps = [factors.get(axis, 1) for axis in slid]
    if factors and all(type(step) is int for step in steps):
        low.layer(op, f"upsample{len(slid)}d", x, order, {"scale": steps, "mode": kind})
    else:
        sizes = [new.get(axis, x.shape[axis]) for axis in slid]
        low.layer(op, f"resize{len(slid)}d", x, order, {"size": sizes, "mode": kind})


def _alike(a: Any, b: Any) -> bool:
    return type(a) is int and type(b) is int and a == b


# -- rearranging -------------------------------------------------------------------------------------------------------


@rule("DepthToSpace", "SpaceToDepth", wants=1)
def depth_space(low: Lowering, op: Op) -> None:
    x = image(low, op, 2)
    blocks(low, op, x, 1, whole(op, "blocksize"), spread=op.type == "DepthToSpace")


@rule("RoiAlign", wants=1)
def roi_align(low: Lowering, op: Op) -> None:
    x, boxes, images = image(low, op, 2), low.read(op, 1), low.optional(op, 2)
    size = (whole(op, "output_height", 1), whole(op, "output_width", 1))
    if boxes.rank != 2 or (images is not None and images.rank != 1):
        raise Unfit("needs boxes of four numbers each, and an image of each")
    order = channels_at(x, 1, windows=2)
    if len(order) > 3:
        raise Unsupported("regions of several images at once", [(boxes.shape[0], x.shape[1], *size)])
    edges = [low.present(x, order), low.present(boxes, (0, 1))]
    if images is not None and not images.is_constant:
        edges.append(low.present(images, (0,)))
    low.result(op, low.emit(op, "roi_align", edges, {"size": size}), (0, 2, 3, 1), 4)


@rule("MaxRoiPool", wants=1)
def roi_pool(low: Lowering, op: Op) -> None:
    x, boxes = image(low, op, 2), low.read(op, 1)
    size = wholes(op, "pooled_shape", (1, 1))
    if boxes.rank != 2:
        raise Unfit("needs boxes of five numbers each")
    raise Unsupported("the largest elements of regions", [(boxes.shape[0], x.shape[1], *size)])


@rule("GridSample", wants=1)
def grid_sample(low: Lowering, op: Op) -> None:
    x, grid = low.read(op), low.read(op, 1)
    mode = {"nearest": "nearest", "bicubic": "bicubic", "cubic": "bicubic"}.get(word(op, "mode", "linear"), "bilinear")
    order = channels_at(x, 1, windows=2)
    if x.rank != 4 or grid.rank != 4 or len(order) > 3:
        raise Unsupported("samples of several maps, or of volumes", [(*x.shape[:2], *grid.shape[1:-1])])
    edges = [low.present(x, order), low.present(grid, (1, 2, 3))]
    low.result(op, low.emit(op, "grid_sample", edges, {"mode": mode}), (2, 3, 1), 4)


@rule("AffineGrid")
def affine_grid(low: Lowering, op: Op) -> None:
    size = low.contents(op, 1)
    if not size or len(size) not in (4, 5):
        raise Unfit("needs the size of the grid")
    raise Unsupported("the places of a turned grid", [(size[0], *size[2:], len(size) - 2)])


@rule("MaxUnpool", wants=1)
def max_unpool(low: Lowering, op: Op) -> None:
    x, given = image(low, op), low.contents(op, 2)
    if given:
        raise Unsupported("elements that are put back where the largest stood", [tuple(given)])
    kernel = wholes(op, "kernel_shape")
    attrs = window(op, kernel, x.shape[2:])
    pads = attrs["padding"] or [0] * (2 * len(kernel))
    sizes = zip(x.shape[2:], kernel, attrs["stride"], pads[::2], pads[1::2])
    shape = (*x.shape[:2], *((n - 1) * step + taps - before - after for n, taps, step, before, after in sizes))
    raise Unsupported("elements that are put back where the largest stood", [shape])


@rule("Col2Im", wants=1)
def col2im(low: Lowering, op: Op) -> None:
    x, image_shape, block = low.read(op), low.contents(op, 1), low.contents(op, 2)
    size, kernel = tuple(image_shape or ()), tuple(block or ())
    if x.rank != 3 or len(size) != 2 or len(kernel) != 2:
        raise Unsupported("columns that are not those of a map")
    attrs = {**window(op, kernel, size), "size": list(size)}
    order = channels_at(x, 1, windows=1)
    if len(order) > 2:
        shape = (x.shape[0], x.shape[1] // product(kernel), *size)
        raise Unsupported("several maps made of their windows", [shape])
    step = low.emit(op, "fold", [low.present(x, order)], attrs)
    low.result(op, step, (2, 3, 1), 4)


@rule(*of_microsoft("nchwc.ReorderInput", "nchwc.ReorderOutput"), wants="same")
def reordered(low: Lowering, op: Op) -> None:
    """Leave out that onnxruntime has an order of channels of its own in memory; there they are filled up to its blocks."""
    x = low.read(op)
    channels = whole(op, "channels", 0) if op.type.endswith("ReorderOutput") else 0
    if channels and x.rank > 1:
        taken(low, op, x, 1, 0, channels)
    else:
        handed_on(low, op, x)


@rule(*of_microsoft("nchwc.Upsample"), wants=1)
def upsample_blocks(low: Lowering, op: Op) -> None:
    x = image(low, op)
    scales = wholes(op, "scales", (1, 1, 1, 1))
    new = {axis: x.shape[axis] * scale for axis, scale in enumerate(scales)}
    resampled(low, op, x, new, dict(enumerate(scales)), word(op, "mode", "nearest"))
