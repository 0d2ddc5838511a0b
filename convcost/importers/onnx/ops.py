"""The ops of ONNX as nodes of a graph."""

from __future__ import annotations

import operator
from typing import Any

from convcost.core.errors import Unfit
from convcost.importers.build import (
    combined,
    concatenated,
    convolution,
    flattened,
    linear,
    matrix_product,
    squeezed,
    unsqueezed,
)
from convcost.importers.contents import Known, divided, gathered, joined, vector
from convcost.importers.lower import Lowering, Rules, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.spelling import spell
from convcost.importers.values import channels_at

RULES = Rules(channels=1)
RULES.spell = spell
rule = RULES.rule

#: Type -> the op of convcost, for functions of one element that have no attributes that matter.
ACTIVATIONS = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
    "HardSigmoid": "hard_sigmoid",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Selu": "selu",
    "Gelu": "gelu",
    "Softplus": "softplus",
    "Mish": "mish",
}
#: Type -> the word of `function`.
FUNCTIONS = {
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Abs": "abs",
    "Neg": "negate",
    "Sign": "sign",
    "Erf": "erf",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Softsign": "softsign",
    "Celu": "celu",
    "Not": "logical_not",
}
#: Type -> the word of `combine`, and what it makes of numbers.
ARITHMETIC: dict[str, tuple[str, Any]] = {
    "Add": ("add", operator.add),
    "Sub": ("subtract", operator.sub),
    "Mul": ("multiply", operator.mul),
    "Div": ("divide", divided),
    "Pow": ("power", None),
    "Min": ("minimum", None),
    "Max": ("maximum", None),
    "Equal": ("equal", None),
    "Less": ("less", None),
    "Greater": ("greater", None),
    "And": ("logical_and", None),
    "Or": ("logical_or", None),
    "Where": ("where", None),
}


@rule(*ACTIVATIONS, wants="same")
def activation(low: Lowering, op: Op) -> None:
    low.pointwise(op, ACTIVATIONS[op.type], low.read(op))


@rule(*FUNCTIONS, wants="same")
def function(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    low.pointwise(op, "function", x, {"of": FUNCTIONS[op.type]})


@rule(*ARITHMETIC, wants="same")
def arithmetic(low: Lowering, op: Op) -> None:
    word, compute = ARITHMETIC[op.type]
    combined(low, op, word, [low.read(op, i) for i in range(len(op.inputs))], compute)


@rule("Clip", wants="same")
def clip(low: Lowering, op: Op) -> None:
    bounds: list[Any] = [op.attrs.get("min"), op.attrs.get("max")]
    for i in (1, 2):
        value = low.optional(op, i)
        if value is not None:
            bounds[i - 1] = value.contents[0] if value.contents else None
    kind = {(0, 6): "relu6", (0, None): "relu"}.get((bounds[0], bounds[1]))
    low.pointwise(op, kind or "function", low.read(op), {} if kind else {"of": "clip"})


@rule("Identity", "Dropout", "Cast", wants="same")
def identity(low: Lowering, op: Op) -> None:
    low.same(op, low.read(op))


# -- windows -----------------------------------------------------------------------------------------------------------


def window(op: Op, axes: int) -> dict[str, Any]:
    """The attributes of a sliding window."""
    attrs = op.attrs
    found: dict[str, Any] = {"stride": list(attrs.get("strides", (1,) * axes))}
    pads = attrs.get("pads", (0,) * (2 * axes))
    auto = attrs.get("auto_pad", "NOTSET")
    if auto == "SAME_UPPER":
        found["padding"] = "same"
    elif auto == "VALID" or not any(pads):
        found["padding"] = 0
    else:
        found["padding"] = [side for pair in zip(pads[:axes], pads[axes:]) for side in pair]
    dilations = attrs.get("dilations", (1,) * axes)
    return found if all(one == 1 for one in dilations) else {**found, "dilation": list(dilations)}


@rule("Conv", wants=1)
def conv(low: Lowering, op: Op) -> None:
    x, weights, bias = low.read(op), low.read(op, 1), low.optional(op, 2)
    kernel = weights.shape[2:]
    attrs = {"channels": weights.shape[0], "kernel": list(kernel), "groups": op.attrs.get("group", 1)}
    convolution(low, op, x, 1, {**attrs, **window(op, len(kernel))}, weights, bias)


@rule("MaxPool", "AveragePool", wants=1)
def pool(low: Lowering, op: Op) -> None:
    x, kernel = low.read(op), op.attrs["kernel_shape"]
    axes = len(kernel)
    attrs = {"kernel": list(kernel), **window(op, axes)}
    if op.attrs.get("ceil_mode"):
        attrs["ceil_mode"] = True
    kind = "max_pool" if op.type == "MaxPool" else "avg_pool"
    low.layer(op, f"{kind}{axes}d", x, channels_at(x, 1, windows=axes), attrs)


@rule("GlobalAveragePool", "GlobalMaxPool", wants=1)
def global_pool(low: Lowering, op: Op) -> None:
    x = low.read(op)
    kind = "global_avg_pool" if op.type == "GlobalAveragePool" else "global_max_pool"
    low.layer(op, kind, x, channels_at(x, 1, windows=x.rank - 2))


@rule("BatchNormalization", wants=1)
def batch_norm(low: Lowering, op: Op) -> None:
    x = low.read(op)
    scale, shift, mean, variance = (low.read(op, i) for i in range(1, 5))
    used = {"weights": (scale,), "biases": (shift,), "buffers": (mean, variance)}
    low.layer(op, "batch_norm", x, channels_at(x, 1, windows=x.rank - 2), {}, used)


# -- matrices ----------------------------------------------------------------------------------------------------------


@rule("Gemm", wants=-1)
def gemm(low: Lowering, op: Op) -> None:
    x, weights, bias = low.read(op), low.read(op, 1), low.optional(op, 2)
    if op.attrs.get("transA") or not weights.is_constant:
        raise Unsupported("a product of two activations written as Gemm")
    channels = weights.shape[0] if op.attrs.get("transB") else weights.shape[1]
    linear(low, op, x, -1, channels, weights, bias)


@rule("MatMul", wants=-1)
def matmul(low: Lowering, op: Op) -> None:
    matrix_product(low, op, low.read(op), low.read(op, 1))


# -- shapes ------------------------------------------------------------------------------------------------------------


@rule("Shape")
def shape(low: Lowering, op: Op) -> None:
    x = low.read(op)
    low.constant(op, vector(x.shape[op.attrs.get("start", 0) : op.attrs.get("end", x.rank)]))


@rule("Reshape")
def reshape(low: Lowering, op: Op) -> None:
    x, target = low.read(op), low.contents(op, 1)
    sizes = [
        x.shape[at] if type(size) is int and size == 0 and not op.attrs.get("allowzero") and at < x.rank else size
        for at, size in enumerate(target or ())
    ]
    low.reshape(op, x, low.fitted(op, x, sizes))


@rule("Flatten")
def flatten(low: Lowering, op: Op) -> None:
    flattened(low, op, low.read(op), op.attrs.get("axis", 1))


@rule("Transpose", wants=lambda op, made: None if made is None or "perm" not in op.attrs else op.attrs["perm"][made])
def transpose(low: Lowering, op: Op) -> None:
    x = low.read(op)
    low.transpose(op, x, op.attrs.get("perm", tuple(reversed(range(x.rank)))))


def axes_of(low: Lowering, op: Op) -> tuple[int, ...] | None:
    """Axes as an attribute, or since opset 13 as an input."""
    axes = op.attrs.get("axes") or low.contents(op, 1)
    return None if axes is None else tuple(axes)


@rule("Unsqueeze")
def unsqueeze(low: Lowering, op: Op) -> None:
    unsqueezed(low, op, low.read(op), axes_of(low, op) or ())


@rule("Squeeze")
def squeeze(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = axes_of(low, op)
    if axes is None:
        axes = tuple(at for at, size in enumerate(x.shape) if type(size) is int and size == 1)
    squeezed(low, op, x, axes)


@rule("Concat", wants="same")
def concat(low: Lowering, op: Op) -> None:
    values = [low.read(op, i) for i in range(len(op.inputs))]
    known = [low.known(value) for value in values]
    axis = op.attrs["axis"]
    if all(known) and values[0].rank:
        low.computed(op, values, joined([one for one in known if one], axis % values[0].rank))
        return
    concatenated(low, op, values, axis)


@rule("Gather")
def gather(low: Lowering, op: Op) -> None:
    x, indices = low.read(op), low.read(op, 1)
    axis = op.attrs.get("axis", 0) % max(x.rank, 1)
    known, which = low.known(x), low.known(indices)
    if known and which:
        try:
            low.computed(op, [x], gathered(known, which, axis))
        except IndexError as error:
            raise Unfit(str(error)) from None
        return
    raise Unsupported("chosen elements of an activation")
