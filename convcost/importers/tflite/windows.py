"""TFLite's operators that slide windows, or resample maps: convolutions, pools, resizes. Maps are batch, height, width, channels."""

from __future__ import annotations

import struct
from typing import Any, Final

from convcost.core.dims import Dim
from convcost.core.errors import Unfit
from convcost.importers import fixed
from convcost.importers.build import along, convolution
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.tflite.rules import followed, fusing, made, numbers, rule, stated_shape
from convcost.importers.values import Value, axis_in, channels_at, is_one

_NONE: Final = "a filter that is computed"


def window(op: Op, axes: str = "hw") -> dict[str, Any]:
    """Stride, padding and dilation along axes that options call by these letters."""
    attrs = op.attrs
    found: dict[str, Any] = {"stride": [attrs[f"stride_{axis}"] for axis in axes], "padding": padding(attrs["padding"])}
    dilation = [attrs.get(f"dilation_{axis}_factor", 1) for axis in axes]
    return {**found, "dilation": dilation} if any(one != 1 for one in dilation) else found


def padding(given: Any) -> Any:
    """A padding in the words of convcost; an idiom may have made it numbers."""
    return {"SAME": "same", "VALID": 0}[given] if isinstance(given, str) else list(given)


def stored(low: Lowering, op: Op, i: int, rank: int) -> Value:
    """The filters of a convolution: stored ones, with this many axes."""
    value = low.read(op, i)
    if not value.stored:
        raise Unsupported(_NONE)
    if value.rank != rank:
        raise Unfit(f"needs filters of {rank} axes, got {value.rank}")
    return value


def grouped(x: Value, inner: Any) -> Dim:
    """How many groups of channels there are, where each filter sees so many; raises `Unfit` if they do not fit."""
    channels: Any = x.shape[axis_in(-1, x.rank)]
    if type(channels) is not int or not inner or channels % inner:
        raise Unfit(f"the filters see {inner} channels of {channels}")
    groups: Dim = channels // inner
    return groups


def with_groups(attrs: dict[str, Any], groups: Dim) -> dict[str, Any]:
    """Attributes of a convolution, with groups if there are several."""
    return attrs if is_one(groups) else {**attrs, "groups": groups}


@fusing("CONV_2D", wants=-1)
def conv(low: Lowering, op: Op) -> None:
    """Filters are stored as output channels, height, width, input channels."""
    x, filters, bias = low.read(op), stored(low, op, 1, 4), low.optional(op, 2)
    channels, *kernel, inner = filters.shape
    attrs = with_groups({"channels": channels, "kernel": kernel, **window(op)}, grouped(x, inner))
    convolution(low, op, x, -1, attrs, filters, bias)


@fusing("DEPTHWISE_CONV_2D", wants=-1)
def depthwise(low: Lowering, op: Op) -> None:
    """Filters are stored as 1, height, width, output channels; each input channel makes as many of these."""
    x, filters, bias = low.read(op), stored(low, op, 1, 4), low.optional(op, 2)
    _, *kernel, channels = filters.shape
    groups = x.shape[axis_in(-1, x.rank)]
    if type(groups) is int and (not groups or channels % groups):
        raise Unfit(f"{groups} input channels do not divide the {channels} filters")
    attrs = with_groups({"channels": channels, "kernel": kernel, **window(op)}, groups)
    convolution(low, op, x, -1, attrs, filters, bias)


@fusing("CONV_3D", wants=-1)
def conv3d(low: Lowering, op: Op) -> None:
    """Filters are stored as depth, height, width, input channels, output channels."""
    x, filters, bias = low.read(op), stored(low, op, 1, 5), low.optional(op, 2)
    *kernel, inner, channels = filters.shape
    attrs = with_groups({"channels": channels, "kernel": kernel, **window(op, "dhw")}, grouped(x, inner))
    convolution(low, op, x, -1, attrs, filters, bias)


def transposed(low: Lowering, op: Op, axes: str, kernel: Any, channels: int, inner: int) -> None:
    """A transposed convolution to the size that its first input says."""
    x, filters, bias = low.read(op, 2), low.read(op, 1), low.optional(op, 3)
    wanted = numbers(low, op, 0)
    if len(wanted) != len(axes) + 2:
        raise Unfit(f"asks for an output of {len(wanted)} axes")
    size = followed(low, op, 2, range(1, len(axes) + 1), 0, wanted[1:-1])
    attrs = {"channels": channels, "kernel": list(kernel), "size": list(size), **window(op, axes)}
    attrs = with_groups(attrs, grouped(x, inner))
    convolution(low, op, x, -1, attrs, filters, bias, kind="conv_transpose")


@fusing("TRANSPOSE_CONV")
def transpose_conv(low: Lowering, op: Op) -> None:
    channels, *kernel, inner = stored(low, op, 1, 4).shape
    transposed(low, op, "hw", kernel, channels, inner)


@fusing("CONV_3D_TRANSPOSE")
def conv3d_transpose(low: Lowering, op: Op) -> None:
    *kernel, channels, inner = stored(low, op, 1, 5).shape
    transposed(low, op, "dhw", kernel, channels, inner)


@rule("Convolution2DTransposeBias", wants=-1)
def mediapipe_transpose_conv(low: Lowering, op: Op) -> None:
    """MediaPipe's own operator: its options are a struct of padding (1 is same, 2 valid), width and height of the stride."""
    x, filters, bias = low.read(op), stored(low, op, 1, 4), low.optional(op, 2)
    options = op.attrs.get("custom_options", b"")
    if len(options) < 12:
        raise Unsupported("its options are no three numbers")
    around, across, down = struct.unpack_from("<3i", options)
    if around not in (1, 2):
        raise Unsupported(f"a padding of kind {around}")
    channels, *kernel, inner = filters.shape
    attrs = {
        "channels": channels,
        "kernel": kernel,
        "stride": [down, across],
        "padding": "same" if around == 1 else "valid",
    }
    convolution(low, op, x, -1, with_groups(attrs, grouped(x, inner)), filters, bias, kind="conv_transpose")


@fusing("AVERAGE_POOL_2D", "MAX_POOL_2D", wants=-1)
def pool(low: Lowering, op: Op) -> None:
    x = low.read(op)
    kernel = [op.attrs["filter_height"], op.attrs["filter_width"]]
    fixed.note_window(low, op.inputs[0], x, (1, 2), kernel)
    kind = "max_pool2d" if op.type == "MAX_POOL_2D" else "avg_pool2d"
    low.layer(op, kind, x, channels_at(x, -1, windows=2), {"kernel": kernel, **window(op)})


@fusing("L2_POOL_2D", wants=-1)
def l2_pool(low: Lowering, op: Op) -> None:
    """The root of the mean of squares."""
    x = low.read(op)
    kernel = [op.attrs["filter_height"], op.attrs["filter_width"]]
    low.pointwise(op, "function", x, {"of": "square"})
    x = made(low, op)
    low.layer(op, "avg_pool2d", x, channels_at(x, -1, windows=2), {"kernel": kernel, **window(op)})
    low.pointwise(op, "function", made(low, op), {"of": "sqrt"})


@rule("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", wants=-1)
def resize(low: Lowering, op: Op) -> None:
    x, wanted = low.read(op), numbers(low, op, 1)
    if len(wanted) != 2 or x.rank != 4:
        raise Unfit(f"resizes {x.rank} axes to {len(wanted)} sizes")
    size = followed(low, op, 0, (1, 2), 1, wanted)
    mode = "bilinear" if op.type == "RESIZE_BILINEAR" else "nearest"
    low.layer(op, "resize2d", x, channels_at(x, -1, windows=2), {"size": list(size), "mode": mode})


@rule("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", wants=-1)
def blocks(low: Lowering, op: Op) -> None:
    x = low.read(op)
    order = channels_at(x, -1, windows=2)
    if not is_one(x.shape[0]):
        raise Unsupported("several maps at once")
    low.layer(op, op.type.lower(), x, order, {"block": op.attrs["block_size"]})


@rule("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", wants=-1)
def batches(low: Lowering, op: Op) -> None:
    """Blocks of a map as further members of the batch, where they are not around a convolution that they dilate."""
    stated_shape(low, op)
    raise Unsupported("it moves positions into the batch")


@fusing("L2_NORMALIZATION", wants=-1)
def l2_normalization(low: Lowering, op: Op) -> None:
    along(low, op, "l2_normalize", low.read(op), -1)


@rule("LOCAL_RESPONSE_NORMALIZATION", wants=-1)
def local_response_normalization(low: Lowering, op: Op) -> None:
    x = low.read(op)
    size = {"size": 2 * op.attrs["radius"] + 1}
    low.layer(op, "local_response_norm", x, channels_at(x, -1, windows=2), size)


@rule("SOFTMAX", wants=-1)
def softmax(low: Lowering, op: Op) -> None:
    along(low, op, "softmax", low.read(op), -1)


@rule("LOG_SOFTMAX", wants=-1)
def log_softmax(low: Lowering, op: Op) -> None:
    value = along(low, op, "softmax", low.read(op), -1)
    low.pointwise(op, "function", value, {"of": "log"})
