"""ncnn's norms, and softmax."""

from __future__ import annotations

from typing import Any

from convcost.core.dims import product
from convcost.core.errors import Unfit
from convcost.importers.build import along
from convcost.importers.contents import same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.ncnn.given import whole
from convcost.importers.ncnn.rules import axis_of, like, made, rule
from convcost.importers.values import Value, channels_at, is_one


@rule("BatchNorm", wants=1)
def batch_norm(low: Lowering, op: Op) -> None:
    """Stored are factor, mean, variance and what is added, of each channel."""
    x = low.read(op)
    factor, mean, variance, shift = (low.read(op, i) for i in range(1, 5))
    used = {"weights": (factor,), "biases": (shift,), "buffers": (mean, variance)}
    low.layer(op, "batch_norm", x, channels_at(x, 1, windows=x.rank - 2), {}, used)


@rule("InstanceNorm", "GroupNorm", wants=1)
def group_norm(low: Lowering, op: Op) -> None:
    """A norm of each group of channels, or of each channel."""
    x = low.read(op)
    if x.rank < 3:
        raise Unsupported("a norm of groups of channels without positions", like(low, op))
    groups = x.shape[1] if op.type == "InstanceNorm" else whole(op.attrs, 0, 1)
    attrs: dict[str, Any] = {"groups": groups}
    used = scaling(low, op)
    if not used:
        attrs |= {"scale": False, "shift": False}
    low.layer(op, "group_norm", x, channels_at(x, 1, windows=x.rank - 2), attrs, used)


def scaling(low: Lowering, op: Op) -> dict[str, tuple[Value]]:
    """The stored factors of a norm, and what it adds; none if it only norms."""
    found = {name: low.optional(op, i) for i, name in enumerate(("weights", "biases"), start=1)}
    return {name: (value,) for name, value in found.items() if value is not None}


@rule("LayerNorm", "RMSNorm", wants=-1)
def layer_norm(low: Lowering, op: Op) -> None:
    """A norm over the last axis or the last two, as many elements as the file says."""
    x, count, used = low.read(op), whole(op.attrs, 0, 0), scaling(low, op)
    axes = 1 if x.rank == 2 else next((n for n in (1, 2) if same(product(x.shape[-n:]), count) is not False), 0)
    if not axes:
        raise Unfit(f"norms {count} elements of {' x '.join(map(str, x.shape[1:]))}")
    order = channels_at(x, -1)
    places = [order.index(axis) for axis in range(x.rank - axes, x.rank) if axis in order]
    attrs: dict[str, Any] = {"axes": places, "scale": "weights" in used}
    if op.type == "LayerNorm":
        attrs["shift"] = "biases" in used
    low.layer(op, "layer_norm" if op.type == "LayerNorm" else "rms_norm", x, order, attrs, used)


@rule("LRN", wants=1)
def local_response_norm(low: Lowering, op: Op) -> None:
    if whole(op.attrs, 0, 0):
        raise Unsupported("a norm over windows of a map", like(low, op))
    x = low.read(op)
    low.layer(op, "local_response_norm", x, channels_at(x, 1, windows=2), {"size": whole(op.attrs, 1, 5)})


@rule("Normalize", wants=1)
def normalize(low: Lowering, op: Op) -> None:
    """The channels of each position divided by their length, and times a stored factor for each channel, or for all."""
    x, factor = low.read(op), low.optional(op, 1)
    if whole(op.attrs, 0, 0) or not whole(op.attrs, 4, 1):
        raise Unsupported("a norm over positions", like(low, op))
    along(low, op, "l2_normalize", x, 1)
    x = made(low, op)
    if factor is not None and is_one(factor.shape[0]):
        low.accounts.set_aside(factor.stored)
        low.pointwise(op, "function", x, {"of": "scale"})
    elif factor is not None:
        low.layer(op, "scale", x, channels_at(x, 1, windows=x.rank - 2), {}, {"weights": (factor,)})


@rule("MVN")
def mean_variance(low: Lowering, op: Op) -> None:
    raise Unsupported("a norm over all of a blob, or of a channel", like(low, op))


@rule("Softmax", wants="same")
def softmax(low: Lowering, op: Op) -> None:
    x = low.read(op)
    along(low, op, "softmax", x, axis_of(whole(op.attrs, 0, 0), x))


@rule("CumulativeSum")
def cumulative_sum(low: Lowering, op: Op) -> None:
    x = low.read(op)
    along(low, op, "cumulative", x, axis_of(whole(op.attrs, 0, 0), x), {})
