"""The layers of Keras as nodes of a graph: convolutions, dense layers, norms, pools, merges and changes of shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convcost.core.dims import Dim, product
from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers import fixed
from convcost.importers.build import along, combined, concatenated, squeezed, whole_pooled, with_axes
from convcost.importers.contents import decided, less
from convcost.importers.keras import attention, indexing, moves, recurrent, spelling, transformers
from convcost.importers.keras.activations import activated
from convcost.importers.keras.calls import (
    RULES,
    Steps,
    as_int,
    axes_of,
    axis_of,
    batch_of,
    channel_axis,
    check_built,
    check_rank,
    count,
    counts,
    first_argument,
    flag,
    inputs_of,
    is_channels_first,
    linear,
    rule,
    same_rank,
    setting,
    wants_channels,
    word,
)
from convcost.importers.keras.values import Tensor, leaves
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Body, Op
from convcost.importers.values import Value, channels_at

# The rules of these modules have been entered by the imports.
__all__ = ["RULES", "attention", "indexing", "recurrent", "transformers"]
RULES.spell = spelling.spell


def _numbered(name: str, ending: str = "", *also: str) -> tuple[str, ...]:
    """The classes for one, two and three axes.

    >>> _numbered("Conv", "Transpose")
    ('Conv1DTranspose', 'Conv2DTranspose', 'Conv3DTranspose')
    """
    return tuple(f"{each}{axes}D{ending}" for each in (name, *also) for axes in (1, 2, 3))


def axes_in(op: Op) -> int:
    """The number of axes along which windows slide, from the name of the class.

    >>> axes_in(Op("Conv2DTranspose", "", (), ()))
    2
    """
    return next(int(letter) for letter in op.type if letter in "123")


def window(op: Op, axes: int, *paddings: str) -> dict[str, Any]:
    """The attributes of a window that a layer slides."""
    found: dict[str, Any] = {
        "kernel": counts(op, "kernel_size", axes),
        "stride": counts(op, "strides", axes, 1),
        "padding": word(op, "padding", ("valid", "same", *paddings), "valid"),
    }
    dilation = counts(op, "dilation_rate", axes, 1)
    return found if all(one == 1 for one in dilation) else {**found, "dilation": dilation}


# -- convolutions ------------------------------------------------------------------------------------------------------


@rule(*_numbered("Conv"), wants=wants_channels)
def conv(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    channel = channel_axis(op, x, axes)
    check_built(op, x, channel)
    attrs = {
        **window(op, axes, *(("causal",) if axes == 1 else ())),
        "channels": count(op, "filters"),
        "groups": count(op, "groups", 1),
        "bias": flag(op, "use_bias", default=True),
    }
    made = low.layer(op, f"conv{axes}d", x, channels_at(x, channel, windows=axes), attrs)
    activated(low, op, made, setting(op, "activation"))
    check_rank(low, op)


@rule(*_numbered("Conv", "Transpose"), wants=wants_channels)
def conv_transpose(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    channel = channel_axis(op, x, axes)
    check_built(op, x, channel)
    attrs = {
        **window(op, axes),
        "channels": count(op, "filters"),
        "groups": count(op, "groups", 1),
        "bias": flag(op, "use_bias", default=True),
    }
    if setting(op, "output_padding") is not None:
        given = setting(op, "output_padding")
        sizes = list(given) if isinstance(given, tuple) else [given] * axes
        attrs["output_padding"] = [as_int(size, "output_padding") for size in sizes]
    made = low.layer(op, f"conv_transpose{axes}d", x, channels_at(x, channel, windows=axes), attrs)
    activated(low, op, made, setting(op, "activation"))


@rule("DepthwiseConv1D", "DepthwiseConv2D", wants=wants_channels)
def depthwise(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    channel = channel_axis(op, x, axes)
    check_built(op, x, channel)
    made = _depthwise(low, op, x, channel, bias=flag(op, "use_bias", default=True))
    activated(low, op, made, setting(op, "activation"))


def _depthwise(low: Lowering, op: Op, x: Value, channel: int, *, bias: bool) -> Value:
    axes, groups = axes_in(op), x.shape[channel]
    attrs = {
        **window(op, axes, *(("causal",) if axes == 1 else ())),
        "channels": groups * count(op, "depth_multiplier", 1),
        "groups": groups,
        "bias": bias,
    }
    return low.layer(op, f"conv{axes}d", x, channels_at(x, channel, windows=axes), attrs)


@rule("SeparableConv1D", "SeparableConv2D", wants=wants_channels)
def separable(low: Lowering, op: Op) -> None:
    x, axes, steps = low.read(op), axes_in(op), Steps(low, op)
    channel = channel_axis(op, x, axes)
    check_built(op, x, channel)
    made = _depthwise(low, steps.step("depthwise", x), x, channel, bias=False)
    attrs = {"channels": count(op, "filters"), "kernel": [1] * axes, "bias": flag(op, "use_bias", default=True)}
    step = steps.step("pointwise", made)
    made = low.layer(step, f"conv{axes}d", made, channels_at(made, channel, windows=axes), attrs)
    steps.put(activated(low, step, made, setting(op, "activation")))


# -- dense layers ------------------------------------------------------------------------------------------------------


@rule("Dense", wants=-1)
def dense(low: Lowering, op: Op) -> None:
    x = low.read(op)
    check_built(op, x, x.rank - 1)
    made = linear(low, op, x, count(op, "units"), bias=flag(op, "use_bias", default=True))
    activated(low, op, made, setting(op, "activation"))
    check_rank(low, op)


# -- norms -------------------------------------------------------------------------------------------------------------


def _norm_axis(op: Op, made: int | None) -> int | None:  # noqa: ARG001 - as the table calls it
    axis = op.attrs["config"].get("axis")
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    return axis if isinstance(axis, int) and not isinstance(axis, bool) else -1


@rule("BatchNormalization", "SyncBatchNormalization", wants=_norm_axis)
def batch_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis = axis_of(setting(op, "axis", -1), x.rank)
    check_built(op, x, axis)
    attrs = {"scale": flag(op, "scale", default=True), "shift": flag(op, "center", default=True)}
    low.layer(op, "batch_norm", x, channels_at(x, axis), attrs)


@rule("LayerNormalization", "RMSNormalization")
def layer_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = axes_of(setting(op, "axis", -1), x.rank)
    for axis in axes:
        check_built(op, x, axis)
    is_rms = op.type == "RMSNormalization" or flag(op, "rms_scaling")
    edge, order = with_axes(low, x, axes)
    places = [order.index(axis) for axis in axes]
    attrs: dict[str, Any] = {"scale": flag(op, "scale", default=True) or is_rms}
    attrs["shift"] = flag(op, "center", default=True) and not is_rms
    if places != [len(order) - 1]:
        attrs["axes"] = places
    low.result(op, low.emit(op, "layer_norm", [edge], attrs), order, x.rank)


@rule("GroupNormalization", wants=_norm_axis)
def group_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis, groups = axis_of(setting(op, "axis", -1), x.rank), as_int(setting(op, "groups", 32), "groups")
    attrs = {
        "groups": x.shape[axis] if groups == -1 else groups,
        "scale": flag(op, "scale", default=True),
        "shift": flag(op, "center", default=True),
    }
    low.layer(op, "group_norm", x, channels_at(x, axis), attrs)


@rule("UnitNormalization")
def unit_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = axes_of(setting(op, "axis", -1), x.rank)
    if len(axes) != 1:
        raise Unsupported("a length over several axes")
    along(low, op, "l2_normalize", x, axes[0])


@rule("Normalization", wants=_norm_axis)
def normalization(low: Lowering, op: Op) -> None:
    """Mean and variance that were seen beforehand: stored, unless they are settings of the layer."""
    x = low.read(op)
    axes = axes_of(setting(op, "axis"), x.rank) if setting(op, "axis") is not None else ()
    if setting(op, "mean") is None and axes:
        if len(axes) > 1:
            raise Unsupported("a mean for each place")
        low.layer(op, "batch_norm", x, channels_at(x, axes[0]), {"scale": False, "shift": False})
        return
    low.pointwise(op, "function", low.pointwise(op, "function", x, {"of": "shift"}), {"of": "scale"})


@rule("LayerScale", "CustomScaleLayer", wants="same")
def layer_scale(low: Lowering, op: Op) -> None:
    """The scales of ConvNeXt, one for each channel; the fixed one of Inception-ResNet, and the sum that it is part of."""
    if op.type == "LayerScale":
        x = low.read(op)
        low.layer(op, "scale", x, channels_at(x, -1))
        return
    values = inputs_of(low, op)
    if len(values) != 2:
        raise Unfit(f"takes two tensors, got {len(values)}")
    (first, second), steps = values, Steps(low, op)
    scaled = low.pointwise(steps.step("scale", second, scope=False), "function", second, {"of": "scale"})
    combined(low, op, "add", [first, scaled])


@rule("Rescaling", wants="same")
def rescaling(low: Lowering, op: Op) -> None:
    x = low.pointwise(op, "function", low.read(op), {"of": "scale"})
    if setting(op, "offset", 0) != 0:
        low.pointwise(op, "function", x, {"of": "shift"})


# -- pools -------------------------------------------------------------------------------------------------------------


@rule(*_numbered("MaxPooling", "", "AveragePooling", "MaxPool", "AvgPool"), wants=wants_channels)
def pool(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    kernel = counts(op, "pool_size", axes, 2)
    attrs = {
        "kernel": kernel,
        "stride": counts(op, "strides", axes, tuple(kernel)),
        "padding": word(op, "padding", ("valid", "same"), "valid"),
    }
    channel = channel_axis(op, x, axes)
    fixed.note_window(low, op.inputs[0], x, [axis for axis in range(1, x.rank) if axis != channel], kernel)
    kind = "max_pool" if op.type.startswith("Max") else "avg_pool"
    low.layer(op, f"{kind}{axes}d", x, channels_at(x, channel_axis(op, x, axes), windows=axes), attrs)


@rule(*_numbered("AdaptiveAveragePooling", "", "AdaptiveMaxPooling"), wants=wants_channels)
def adaptive_pool(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    kind = "adaptive_max_pool" if "Max" in op.type else "adaptive_avg_pool"
    order = channels_at(x, channel_axis(op, x, axes), windows=axes)
    low.layer(op, f"{kind}{axes}d", x, order, {"size": counts(op, "output_size", axes)})


@rule(
    *_numbered("GlobalMaxPooling", "", "GlobalAveragePooling", "GlobalMaxPool", "GlobalAvgPool"), wants=wants_channels
)
def global_pool(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    channel = channel_axis(op, x, axes)
    whole_pooled(low, op, x, channel, axes, "max" if "Max" in op.type else "mean")
    if not flag(op, "keepdims"):
        squeezed(low, op, low.values[op.outputs[0]], [axis for axis in range(1, x.rank) if axis != channel])


# -- several tensors ---------------------------------------------------------------------------------------------------

MERGES = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Average": "mean",
    "Maximum": "maximum",
    "Minimum": "minimum",
}


@rule(*MERGES, wants="same")
def merge(low: Lowering, op: Op) -> None:
    values = inputs_of(low, op)
    if len(values) == 1:
        low.same(op, values[0])
        return
    combined(low, op, MERGES[op.type], values)


@rule("Concatenate", wants="same")
def concatenate(low: Lowering, op: Op) -> None:
    values = inputs_of(low, op)
    concatenated(low, op, values, axis_of(setting(op, "axis", -1), same_rank(values)))


@rule("Dot")
def dot(low: Lowering, op: Op) -> None:
    values = inputs_of(low, op)
    if len(values) != 2:
        raise Unfit(f"takes two tensors, got {len(values)}")
    (x, y), given = values, setting(op, "axes", -1)
    first, second = given if isinstance(given, tuple) and len(given) == 2 else (given, given)
    depths = axis_of(first, x.rank, "axes"), axis_of(second, y.rank, "axes")
    steps = Steps(low, op)
    if flag(op, "normalize"):
        x = along(low, steps.step("first", x), "l2_normalize", x, depths[0])
        y = along(low, steps.step("second", y), "l2_normalize", y, depths[1])
    if max(x.rank, y.rank) > 3 or 0 in depths:
        raise Unsupported("products of tensors of more than three axes")
    rows: list[int | None] = [axis for axis in range(1, x.rank) if axis != depths[0]]
    columns: list[int | None] = [axis for axis in range(1, y.rank) if axis != depths[1]]
    edges = [
        low.present(x, [*batch_of(x), *(rows or [None]), depths[0]]),
        low.present(y, [*batch_of(y), *(columns or [None]), depths[1]]),
    ]
    step = low.emit(op, "matmul", edges, {"transpose": True})
    # With neither rows nor columns a single number is left, as an axis of one.
    rank = 1 + max(len(rows) + len(columns), 1)
    order = [*(batch_of(x) or batch_of(y)), 1 if rows else None, rank - 1 if columns or not rows else None]
    low.result(op, step, order, rank)


# -- shapes ------------------------------------------------------------------------------------------------------------


@rule("Flatten")
def flatten(low: Lowering, op: Op) -> None:
    x, steps = low.read(op), Steps(low, op)
    if is_channels_first(op) and x.rank > 2:
        order = (0, *range(2, x.rank), 1)
        step = steps.step("channels_last", x)
        low.transpose(step, x, order)
        steps.put(steps.reshape("flat", steps.made(step), (x.shape[0], product(x.shape[1:]))))
        return
    low.reshape(op, x, (x.shape[0], product(x.shape[1:])))


@rule("Reshape")
def reshape(low: Lowering, op: Op) -> None:
    x, given = low.read(op), setting(op, "target_shape", ())
    if not isinstance(given, tuple):
        given = (given,)
    sizes = [-1 if size is None else as_int(size, "target_shape") for size in given]
    low.reshape(op, x, low.fitted(op, x, (x.shape[0], *sizes)))


@rule("Permute")
def permute(low: Lowering, op: Op) -> None:
    given = setting(op, "dims", ())
    if not isinstance(given, tuple):
        raise Unfit(f"dims must be a list of axes, got {say(given)}")
    low.transpose(op, low.read(op), (0, *(as_int(axis, "dims") for axis in given)))


@rule("RepeatVector")
def repeat_vector(low: Lowering, op: Op) -> None:
    x, times = low.read(op), count(op, "n")
    if x.rank != 2:
        raise Unfit(f"takes a tensor of 2 axes, got {x.rank}")
    batch = batch_of(x)
    shape = [*(x.shape[axis] for axis in batch), times, x.shape[1]]
    step = low.emit(op, "expand", [low.present(x, [*batch, *([None] if batch else []), 1])], {"shape": shape})
    low.result(op, step, [*batch, 1, 2], 3)


def sides(op: Op, name: str, axes: int) -> list[tuple[int, int]]:
    """What a layer puts around each axis or cuts off there, before and after."""
    given = setting(op, name, 1)
    given = given if isinstance(given, tuple) else (given,) * axes
    if axes == 1 and len(given) == 2:
        given = (given,)
    if len(given) != axes:
        raise Unfit(f"{name} needs {axes} pairs, got {say(given)}")
    pairs = [each if isinstance(each, tuple) else (each, each) for each in given]
    if any(len(pair) != 2 or not all(isinstance(side, int) and side >= 0 for side in pair) for pair in pairs):
        raise Unfit(f"{name} must be pairs of integers >= 0, got {say(given)}")
    return [(int(before), int(after)) for before, after in pairs]


@rule(*_numbered("ZeroPadding"), wants=wants_channels)
def zero_padding(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    channel = channel_axis(op, x, axes)
    pairs = sides(op, "padding", axes)
    moves.padded(low, op, x, dict(zip([axis for axis in range(1, x.rank) if axis != channel], pairs)), channel)


@rule(*_numbered("Cropping"), wants=wants_channels)
def cropping(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    channel = channel_axis(op, x, axes)
    left = list(x.shape)
    for axis, pair in zip([axis for axis in range(1, x.rank) if axis != channel], sides(op, "cropping", axes)):
        left[axis] = x.shape[axis] - sum(pair)
    cropped(low, op, x, left, channel)


def cropped(low: Lowering, op: Op, x: Value, sizes: Sequence[Dim], channel: int) -> None:
    """The middle of a map."""
    order = channels_at(x, channel, windows=x.rank - 2)
    if any(type(sizes[axis]) is int and sizes[axis] < 1 for axis in order):
        raise Unfit(f"leaves nothing of an axis: {say([sizes[axis] for axis in order])}")
    low.layer(op, "crop", x, order, {"size": [sizes[axis] for axis in order[:-1]]})


#: Kinds of interpolation -> the word of `upsample` and `resize`.
MODES = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}


def mode(op: Op, axes: int) -> str:
    """How a layer interpolates."""
    name = setting(op, "interpolation", "nearest")
    if name not in MODES or (axes != 2 and name != "nearest"):
        raise Unsupported(f"interpolation {say(name)}")
    return MODES[name]


@rule(*_numbered("UpSampling"), wants=wants_channels)
def up_sampling(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_in(op)
    order = channels_at(x, channel_axis(op, x, axes), windows=axes)
    low.layer(op, f"upsample{axes}d", x, order, {"scale": counts(op, "size", axes, 2), "mode": mode(op, axes)})


def pictures(low: Lowering, op: Op) -> tuple[Op, Value]:
    """The pictures that a layer takes, alone or in a mapping, and the op that makes what it makes of them.

    What a mapping has beside them, as labels and boxes, it hands on in another form, which is not known.
    """
    given = first_argument(op)
    if not isinstance(given, dict):
        return op, low.read(op)
    every, images = list(leaves(given)), given.get("images")
    if not isinstance(images, Tensor) or (at := every.index(images)) >= len(op.outputs):
        raise Unsupported("only what it makes of pictures is known")
    low.not_made(op, (*op.outputs[:at], *op.outputs[at + 1 : len(every)]))
    name = op.inputs[images.place]
    return replace(op, inputs=(name,), outputs=(op.outputs[at],)), low.read(op, images.place)


@rule("Resizing", wants=wants_channels)
def resizing(low: Lowering, op: Op) -> None:
    op, x = pictures(low, op)
    order = channels_at(x, channel_axis(op, x, 2), windows=2)
    low.layer(op, "resize2d", x, order, {"size": [count(op, "height"), count(op, "width")], "mode": mode(op, 2)})


@rule("CenterCrop", "RandomCrop", wants=wants_channels)
def center_crop(low: Lowering, op: Op) -> None:
    """The middle of a picture; of one that is too small, as much as has the wanted ratio of sides, resized."""
    op, x = pictures(low, op)
    channel = channel_axis(op, x, 2)
    sizes, axes = list(x.shape), [axis for axis in (1, 2, 3) if axis != channel]
    wanted = high, wide = count(op, "height"), count(op, "width")
    height, width = (decided(x.shape[axis]) for axis in axes)
    if not (less(height, high) or less(width, wide)):
        sizes[axes[0]], sizes[axes[1]] = wanted
        cropped(low, op, x, sizes, channel)
        return
    sizes[axes[0]] = max(min(height, int(width * high / wide)), 1)
    sizes[axes[1]] = max(min(width, int(height * wide / high)), 1)
    if sizes != [*x.shape]:
        part = low.part(op, "part")
        cropped(low, part, x, sizes, channel)
        x = low.values[part.outputs[0]]
    low.layer(op, "resize2d", x, channels_at(x, channel, windows=2), {"size": [*wanted], "mode": "bilinear"})


IDENTITIES = (
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "GaussianNoise"),
    *("AlphaDropout", "StochasticDepth", "DropPath", "Identity", "ActivityRegularization", "Masking"),
    *("RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform"),
    *("RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue"),
    *("RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation"),
    *("RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom"),
    *("AugMix", "CutMix", "MixUp", "RandAugment"),
)
"""Layers that do nothing outside of training."""


@rule(*IDENTITIES, wants="same")
def identity(low: Lowering, op: Op) -> None:
    """What is handed on: every tensor of a list or of a mapping, in the order in which Keras counts them."""
    given = list(leaves(first_argument(op)))
    for i, (name, each) in enumerate(zip(op.outputs, given)):
        if isinstance(each, Tensor):
            low.same(op, low.read(op, each.place), i)
        else:
            low.not_made(op, [name])


@rule("TimeDistributed")
def time_distributed(low: Lowering, op: Op) -> None:
    """A layer or a model at each step of a sequence: the steps are put into the batch."""
    x, body, steps = low.read(op), op.attrs.get("body"), Steps(low, op)
    if not isinstance(body, Body) or len(body.inputs) != 1 or len(body.outputs) != 1 or x.rank < 3:
        raise Unsupported("it applies no single layer to a sequence")
    (name,) = body.inputs
    low.values[name] = steps.reshape("steps", x, (x.shape[0] * x.shape[1], *x.shape[2:]))
    low.ops(body)
    made = low.values[body.outputs[0]]
    if made.lost:
        raise Unsupported(made.lost)
    steps.put(steps.reshape("sequence", made, (*x.shape[:2], *made.shape[1:])))
    low.not_made(op, op.outputs[1:])
