"""Normalisations, and softmax."""

from __future__ import annotations

from typing import Any

from convcost.core.dims import equal
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.build import along, combined
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.arithmetic import fold
from convcost.importers.onnx.table import made, of_microsoft, rule, whole, wholes
from convcost.importers.values import Value, axis_in, channels_at


@rule("BatchNormalization", wants=1)
def batch_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    scale, shift, mean, variance = (stored(low.read(op, i)) for i in range(1, 5))
    if x.rank < 2:
        raise Unfit("needs a batch and channels")
    used = {"weights": (scale,), "biases": (shift,), "buffers": (mean, variance)}
    low.layer(op, "batch_norm", x, channels_at(x, 1, windows=x.rank - 2), {}, used)


def stored(value: Value) -> Value:
    """A value that must not depend on data."""
    if not value.is_constant:
        raise Unsupported("parameters that are computed from data")
    return value


@rule("InstanceNormalization", wants=1)
def instance_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    grouped(low, op, x, x.shape[1] if x.rank > 1 else 1, low.read(op, 1), low.read(op, 2))


@rule("GroupNormalization", wants=1)
def group_norm(low: Lowering, op: Op) -> None:
    grouped(low, op, low.read(op), whole(op, "num_groups"), low.read(op, 1), low.read(op, 2))


def grouped(
    low: Lowering, op: Op, x: Value, groups: Any, scale: Value | None, shift: Value | None, channel: int = 1
) -> None:
    """A norm of each group of channels; scale and shift are for channels, or, before opset 21, for groups.

    Those for groups are in no layer, as the notes then say: what convcost calls a group norm scales channels.
    """
    if x.rank < 3:
        raise Unsupported("a norm of groups of channels without positions")
    order, channels = channels_at(x, channel, windows=x.rank - 2), x.shape[channel]
    given = [stored(value) for value in (scale, shift) if value is not None]
    for value in given:
        if value.rank != 1 or all(equal(value.shape[0], size) is False for size in (channels, groups)):
            raise Unfit(f"has a scale or shift of {shape_text(value.shape)} for {channels} channels in {groups} groups")
    if given and all(equal(value.shape[0], channels) is True for value in given):
        used = {"weights": given[:1], "biases": given[1:]}
        low.layer(op, "group_norm", x, order, {"groups": groups}, used)
    else:
        low.layer(op, "group_norm", x, order, {"groups": groups, "scale": False, "shift": False})


@rule(
    "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization",
    *of_microsoft("SimplifiedLayerNormalization", "LayerNormalization"), wants=-1,
)  # fmt: skip
def layer_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis = axis_in(whole(op, "axis", -1), x.rank)
    by_mean = op.type.endswith("LayerNormalization") and "Simplified" not in op.type
    normalised(low, op, x, axis, low.optional(op, 1), low.optional(op, 2), by_mean=by_mean)


def normalised(
    low: Lowering, op: Op, x: Value, axis: int, scale: Value | None, shift: Value | None, *, by_mean: bool = True
) -> None:
    """A norm over all axes from one on, by mean and variance or by the mean square alone."""
    order = channels_at(x, -1)
    axes = [order.index(at) for at in range(axis, x.rank) if at in order]
    for value in (scale, shift):
        if value is not None:
            stored(value)
    attrs: dict[str, Any] = {"axes": axes, "scale": scale is not None}
    used = {"weights": (scale,)} if scale is not None else {}
    if by_mean:
        attrs["shift"] = shift is not None
        used |= {"biases": (shift,)} if shift is not None else {}
    low.layer(op, "layer_norm" if by_mean else "rms_norm", x, order, attrs, used)


@rule(*of_microsoft("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), wants=-1)
def skip_layer_norm(low: Lowering, op: Op) -> None:
    """The sum of two tensors and a bias, and its norm; onnxruntime makes one op of them."""
    simple = "Simplified" in op.type
    x, skip, scale = (low.read(op, i) for i in range(3))
    shift, bias = (None, low.optional(op, 3)) if simple else (low.optional(op, 3), low.optional(op, 4))
    added = low.part(op, "sum")
    combined(low, added, "add", [x, skip])
    total = made(low, added)
    if bias is not None:
        biased = low.part(op, "bias")
        combined(low, biased, "add", [total, bias])
        total = made(low, biased)
    normalised(low, op, total, total.rank - 1, scale, shift, by_mean=not simple)
    low.define(op, total, 3)


@rule("MeanVarianceNormalization", wants=1)
def mean_variance_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = {axis_in(axis, x.rank) for axis in wholes(op, "axes", (0, 2, 3))}
    if axes - {0} != set(range(2, x.rank)):
        raise Unsupported("a norm over other axes than the positions")
    grouped(low, op, x, x.shape[1], None, None)


@rule("LRN", wants=1)
def local_response_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.rank < 3:
        raise Unfit("needs a batch, channels and positions")
    low.layer(op, "local_response_norm", x, channels_at(x, 1, windows=x.rank - 2), {"size": whole(op, "size")})


@rule("LpNormalization", wants="same")
def lp_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if whole(op, "p", 2) != 2:
        raise Unsupported("lengths other than Euclidean ones")
    along(low, op, "l2_normalize", x, axis_in(whole(op, "axis", -1), x.rank))


@rule("Softmax", "LogSoftmax", *of_microsoft("QLinearSoftmax"), wants=None)
def softmax(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        fold(low, op, [x], x.shape)
    else:
        along(
            low, op, "log_softmax" if op.type == "LogSoftmax" else "softmax", x, axis_in(whole(op, "axis", -1), x.rank)
        )


@rule("Hardmax")
def hardmax(low: Lowering, op: Op) -> None:
    x = low.read(op)
    raise Unsupported("one at the largest element, zero elsewhere", [x.shape])
