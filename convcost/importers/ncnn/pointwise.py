"""ncnn's layers that compute each element for itself: activations, functions, arithmetic, changes of type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from convcost.core.dims import Shape
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.build import combined, cut
from convcost.importers.contents import same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.ncnn.given import DROPPED, listed, number, whole
from convcost.importers.ncnn.rules import axis_of, is_relu6, like, made, others_if, rule
from convcost.importers.values import Value, channels_at, is_one

#: Layer -> the op of convcost.
_ACTIVATIONS: Final = {
    "Sigmoid": "sigmoid",
    "TanH": "tanh",
    "Swish": "silu",
    "Mish": "mish",
    "GELU": "gelu",
    "ELU": "elu",
    "SELU": "selu",
    "HardSwish": "hard_swish",
    "HardSigmoid": "hard_sigmoid",
    "Softplus": "softplus",
    "BNLL": "softplus",
}
#: Layer -> the word of `function`.
_FUNCTIONS: Final = {
    "AbsVal": "abs",
    "Exp": "exp",
    "Log": "log",
    "CELU": "celu",
    "Erf": "erf",
    "Shrink": "soft_shrink",
    "Threshold": "threshold",
    "Cast": "cast",
}
#: Numbers of UnaryOp -> the word of `function`.
_UNARY: Final = (
    *("abs", "negate", "floor", "ceil", "square", "sqrt", "rsqrt", "exp", "log", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "reciprocal", "tanh", "log10", "round", "truncate"),
)
#: Numbers of BinaryOp -> the word of `combine`; whether the operands are in order makes no difference to their shapes.
_BINARY: Final = (
    *("add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "subtract", "divide", "power"),
    *("atan2", "atan2"),
)
#: Numbers of Cast -> the type that it makes.
_TYPES: Final = {1: "fp32", 2: "fp16", 3: "int8", 4: "bf16"}


@rule(*_ACTIVATIONS, wants="same")
def activation(low: Lowering, op: Op) -> None:
    low.pointwise(op, _ACTIVATIONS[op.type], low.read(op))


@rule(*_FUNCTIONS, wants="same")
def function(low: Lowering, op: Op) -> None:
    if op.type == "Cast" and (dtype := _TYPES.get(whole(op.attrs, 1, 0))):
        op = replace(op, dtypes={"outputs": dtype})
    low.pointwise(op, "function", low.read(op), {"of": _FUNCTIONS[op.type]})


@rule("ReLU", wants="same")
def relu(low: Lowering, op: Op) -> None:
    low.pointwise(op, "leaky_relu" if number(op.attrs, 0, 0.0) else "relu", low.read(op))


@rule("Clip", wants="same")
def clip(low: Lowering, op: Op) -> None:
    bounds = (number(op.attrs, 0, float("-inf")), number(op.attrs, 1, float("inf")))
    kind, attrs = ("relu6", {}) if is_relu6(bounds) else ("function", {"of": "clip"})
    low.pointwise(op, kind, low.read(op), attrs)


@rule("UnaryOp", wants="same")
def unary(low: Lowering, op: Op) -> None:
    kind = whole(op.attrs, 0, 0)
    if not 0 <= kind < len(_UNARY):
        raise Unsupported(f"a function of kind {kind}", like(low, op))
    if _UNARY[kind] == "tanh":
        low.pointwise(op, "tanh", low.read(op))
    else:
        low.pointwise(op, "function", low.read(op), {"of": _UNARY[kind]})


@rule("Power", wants="same")
def power(low: Lowering, op: Op) -> None:
    """(shift + x · scale) to a power: of each as much as is not idle."""
    steps = [("scale", number(op.attrs, 1, 1.0) != 1), ("shift", number(op.attrs, 2, 0.0) != 0)]
    steps.append(("power", number(op.attrs, 0, 1.0) != 1))
    low.same(op, low.read(op))
    for word, is_done in steps:
        if is_done:
            low.pointwise(op, "function", made(low, op), {"of": word})


@rule("Dropout", wants="same")
def dropout(low: Lowering, op: Op) -> None:
    """Nothing when a network is run, unless the file has a scale for it."""
    if number(op.attrs, 0, 1.0) == 1:
        low.same(op, low.read(op))
    else:
        low.pointwise(op, "function", low.read(op), {"of": "scale"})


@rule("Quantize", "Dequantize", "Requantize", wants="same")
def quantised(low: Lowering, op: Op) -> None:
    """Between numbers and the integers that stand for them; their scales are no parameters."""
    kind = "dequantize" if op.type == "Dequantize" else "quantize"
    dtypes = {} if kind == "dequantize" else {"outputs": "int8"}
    low.pointwise(replace(op, dtypes=dtypes), "function", low.read(op), {"of": kind})


# -- several tensors ---------------------------------------------------------------------------------------------------


def spread(low: Lowering, op: Op, values: Sequence[Value]) -> list[Value]:
    """Values with as many axes as the one that has most, as ncnn's arithmetic stretches them.

    A vector is one for the channels if there are as many of these as it has elements, else one along the last axis; of anything
    else the outer axes are those that are there.
    """
    rank = max(value.rank for value in values)
    whole_shape = max((value.shape for value in values), key=len)
    found: list[Value] = []
    for value in values:
        lacks = rank - value.rank
        channels = value.rank == 2 and same(value.shape[1], whole_shape[1]) is True
        if channels or value.rank > 2:
            order: list[int | None] = [*range(value.rank), *[None] * lacks]
        else:
            order = [0, *[None] * lacks, *range(1, value.rank)]
        if lacks:
            part = low.part(op, f"axes {len(found)}")
            low.relabel(part, value, order)
        found.append(made(low, part) if lacks else value)
    return found


@rule("BinaryOp", wants="same", reads=others_if(lambda attrs: not whole(attrs, 1, 0)))
def binary(low: Lowering, op: Op) -> None:
    kind = whole(op.attrs, 0, 0)
    if not 0 <= kind < len(_BINARY):
        raise Unsupported(f"arithmetic of kind {kind}")
    word = _BINARY[kind]
    if whole(op.attrs, 1, 0):
        low.pointwise(op, "function", low.read(op), {"of": _with_number(word, is_reversed=kind == 8)})
        return
    combined(low, op, word, spread(low, op, [low.read(op), low.read(op, 1)]))


def _with_number(word: str, *, is_reversed: bool) -> str:
    """The function that arithmetic with one number is."""
    if word == "divide":
        return "reciprocal" if is_reversed else "scale"
    words = {"add": "shift", "subtract": "shift", "multiply": "scale", "power": "power", "atan2": "atan"}
    return words.get(word, "clip")


def _alike(a: Shape, b: Shape) -> bool:
    """Whether shapes are the same, as far as that can be said."""
    return len(a) == len(b) and all(same(one, other) is not False for one, other in zip(a, b))


@rule("Eltwise", wants="same", reads=None)
def eltwise(low: Lowering, op: Op) -> None:
    """The product, sum or largest of tensors of one shape; a sum may be of multiples."""
    kind = whole(op.attrs, 0, 0)
    if kind not in (0, 1, 2):
        raise Unsupported(f"arithmetic of kind {kind}", like(low, op))
    factors = listed(op.attrs, 1) or ()
    values = [low.read(op, i) for i in range(len(op.inputs))]
    if kind == 1 and factors and len(factors) != len(values):
        raise Unfit(f"has {len(factors)} factors for {len(values)} tensors")
    for value in values[1:]:
        if not _alike(value.shape, values[0].shape):
            first, other = (shape_text(one.shape[1:]) for one in (values[0], value))
            raise Unfit(f"takes tensors of one shape, got {first} and {other} (channels first)")
    for i, factor in enumerate(factors if kind == 1 else ()):
        if factor != 1:
            part = low.part(op, f"multiple {i}")
            low.pointwise(part, "function", values[i], {"of": "scale"})
            values[i] = made(low, part)
    combined(low, op, ("multiply", "add", "maximum")[kind], values)


@rule("Scale", wants=1, reads=others_if(lambda attrs: whole(attrs, 0, 0) == DROPPED))
def scale(low: Lowering, op: Op) -> None:
    """A factor for each channel, and perhaps something that is added: stored, or another tensor."""
    x = low.read(op)
    if whole(op.attrs, 0, 0) == DROPPED:
        combined(low, op, "multiply", spread(low, op, [x, low.read(op, 1)]))
        return
    factor, shift = low.read(op, 1), low.optional(op, 2)
    used = {"weights": (factor,)} | ({"biases": (shift,)} if shift is not None else {})
    low.layer(op, "scale", x, channels_at(x, 1, windows=x.rank - 2), {"shift": shift is not None}, used)


@rule("Bias", wants=1)
def bias(low: Lowering, op: Op) -> None:
    """A stored number that is added to each channel."""
    x, shift = low.read(op), low.read(op, 1)
    wide = replace(shift, shape=(1, *shift.shape, *(1,) * (x.rank - 2)))
    combined(low, op, "add", [x, wide])


@rule("PReLU", wants=1)
def prelu(low: Lowering, op: Op) -> None:
    """A stored slope for each channel; a single one for all is a leaky ReLU."""
    x, slope = low.read(op), low.read(op, 1)
    if is_one(slope.shape[0]):
        low.accounts.set_aside(slope.stored)
        low.pointwise(op, "leaky_relu", x)
    else:
        low.layer(op, "prelu", x, channels_at(x, 1, windows=x.rank - 2), {}, {"weights": (slope,)})


@rule("GLU")
def glu(low: Lowering, op: Op) -> None:
    """The first half of an axis, times the sigmoid of the other."""
    x = low.read(op)
    axis = axis_of(whole(op.attrs, 0, 0), x)
    size: Any = x.shape[axis]
    first, second, gate = (low.part(op, step) for step in ("half", "other half", "gate"))
    halves = replace(first, outputs=(*first.outputs, *second.outputs))
    cut(low, halves, x, axis, [size // 2, size // 2])
    low.pointwise(gate, "sigmoid", low.values[second.outputs[0]])
    combined(low, op, "multiply", [low.values[first.outputs[0]], made(low, gate)])
